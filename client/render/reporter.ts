/**
 * What a person or a program sees of a run. Four forms: bars on a terminal, a line every ten seconds elsewhere, JSON for
 * programs, and the final line only.
 */
import type { Clock } from '../../shared/clock.js';
import type { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { Job, JobEvent } from '../job-types.js';
import { errorLines, failureLine, failureLines } from './failure.js';
import { jsonOf } from './json.js';
import { progressLine, progressLines, stageLines } from './progress.js';
import { Screen, type Terminal } from './screen.js';
import { harmless, type Style } from './style.js';
import { dryRunLine, finalLine, summaryLines, type Places } from './summary.js';
import { foldEvent, isDone, newView, type JobView } from './view.js';

export interface Reporter {
  event(event: JobEvent): void;
  /** The job ended; its outcome has been seen as event too. */
  outcome(job: Job, places: Places, dryRun: boolean): void;
  /** The command failed before or beside the job. */
  error(error: GristmillError): void;
  /** Something the person should know now; never on stdout. */
  note(text: string): void;
  close(): void;
}

export interface Streams {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly outStyle: Style;
  readonly errorStyle: Style;
  /** Where bars can be drawn. */
  readonly bars: { readonly terminal: Terminal; readonly style: Style } | undefined;
  readonly clock: Clock;
  /** Engine stacks too. */
  readonly verbose: boolean;
}

export function createReporter(screen: 'full' | 'json' | 'quiet', streams: Streams): Reporter {
  if (screen === 'json') return new JsonReporter(streams);
  if (screen === 'quiet') return new QuietReporter(streams);
  return streams.bars ? new BarReporter(streams, streams.bars) : new LineReporter(streams);
}

/** What all forms do alike. */
abstract class BaseReporter implements Reporter {
  protected readonly streams: Streams;
  protected readonly beganMs: number;

  constructor(streams: Streams) {
    this.streams = streams;
    this.beganMs = streams.clock.monotonic();
  }

  abstract event(event: JobEvent): void;
  abstract outcome(job: Job, places: Places, dryRun: boolean): void;

  error(error: GristmillError): void {
    this.complain(errorLines(error, this.streams.errorStyle));
    if (this.streams.verbose) this.complain(enginesOwn(error));
  }

  note(text: string): void {
    this.complain(text.split('\n').map(harmless));
  }

  close(): void {
    // Nothing is open unless a form opens it.
  }

  protected complain(lines: readonly string[]): void {
    this.streams.stderr.write(lines.map((line) => `${line}\n`).join(''));
  }

  protected complainOf(job: Job): void {
    if (job.failure) this.complain(failureLines(job.failure, this.streams.errorStyle));
  }

  protected say(lines: readonly string[]): void {
    this.streams.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }

  protected get elapsedMs(): number {
    return this.streams.clock.monotonic() - this.beganMs;
  }
}

class JsonReporter extends BaseReporter {
  override event(event: JobEvent): void {
    this.#print(event);
  }

  override outcome(job: Job): void {
    // It was an event; a person who looks at the terminal is told all the same.
    this.complainOf(job);
  }

  override error(error: GristmillError): void {
    this.#print({
      type: 'error',
      code: error.code,
      message: error.message,
      where: error.where,
      stack: error.userStack,
    });
    super.error(error);
  }

  #print(event: object): void {
    this.say([jsonOf(event)]);
  }
}

class QuietReporter extends BaseReporter {
  override event(): void {
    // The final line only.
  }

  override outcome(job: Job, places: Places, dryRun: boolean): void {
    this.say([dryRun && job.state === 'completed' ? dryRunLine(job) : finalLine(job, this.elapsedMs, places)]);
  }
}

/** Failed attempts that are told while they happen; the summary has their number. */
const ATTEMPTS_TOLD_MAX = 5;

/** Folds events into a view and tells what stays to be read; how the view is shown is up to the form. */
abstract class ViewReporter extends BaseReporter {
  protected view: JobView;
  #stop: () => void;
  #attemptsTold = 0;
  readonly #periodMs: number;

  constructor(streams: Streams, periodMs: number) {
    super(streams);
    this.view = newView(this.beganMs);
    this.#periodMs = periodMs;
    this.#stop = this.#schedule();
  }

  protected abstract show(): void;

  override event(event: JobEvent): void {
    this.view = foldEvent(this.view, event, this.streams.clock.monotonic());
    if (event.type === 'notice') {
      // A plan is what a dry run was asked for: it is the result, everything else is said beside it.
      if (event.code === 'plan') this.say([harmless(event.message)]);
      else this.complain([`note: ${harmless(event.message)}`]);
    } else if (event.type === 'attempt' && event.failure?.retryable) {
      // One that is not tried again ends the job, whose end tells it in full.
      if (++this.#attemptsTold > ATTEMPTS_TOLD_MAX) return;
      this.complain([`attempt ${harmless(event.attempt)} failed: ${failureLine(event.failure)}`]);
    }
  }

  override outcome(job: Job, places: Places, dryRun: boolean): void {
    this.close();
    if (dryRun && job.state === 'completed') this.say([dryRunLine(job)]);
    else this.say(summaryLines(job, this.elapsedMs, places, this.streams.outStyle));
    this.complainOf(job);
  }

  override error(error: GristmillError): void {
    this.close();
    super.error(error);
  }

  override close(): void {
    this.#stop();
  }

  #schedule(): () => void {
    return this.streams.clock.after(this.#periodMs, () => {
      this.show();
      this.#stop = this.#schedule();
    });
  }
}

class BarReporter extends ViewReporter {
  readonly #screen: Screen;
  readonly #style: Style;
  #shownMs = -Infinity;
  #closed = false;

  constructor(streams: Streams, bars: { readonly terminal: Terminal; readonly style: Style }) {
    super(streams, limits.progressMs);
    this.#screen = new Screen(bars.terminal);
    this.#style = bars.style;
  }

  override event(event: JobEvent): void {
    super.event(event);
    // Many tasks end at once: a screen is drawn a few times a second, and for what changes its meaning.
    const stale = this.streams.clock.monotonic() - this.#shownMs >= limits.progressMs / 4;
    if (stale || event.type === 'state' || (event.type === 'progress' && isDone(event.progress))) this.show();
  }

  override close(): void {
    super.close();
    if (this.#closed) return;
    // The bars stay as they were at the end; what the job was waiting for does not.
    this.#screen.draw(stageLines(this.view, this.#screen.width, this.streams.clock.monotonic(), this.#style));
    this.#closed = true;
  }

  protected override show(): void {
    if (this.#closed) return;
    const nowMs = this.streams.clock.monotonic();
    this.#shownMs = nowMs;
    this.#screen.draw(progressLines(this.view, this.#screen.width, nowMs, this.#style));
  }

  protected override complain(lines: readonly string[]): void {
    if (this.#closed) super.complain(lines);
    else this.#screen.print(lines);
  }

  protected override say(lines: readonly string[]): void {
    if (!this.#closed) this.#screen.print([]);
    super.say(lines);
  }
}

const LINE_PERIOD_MS = 10_000;

class LineReporter extends ViewReporter {
  constructor(streams: Streams) {
    super(streams, LINE_PERIOD_MS);
  }

  protected override show(): void {
    this.complain([progressLine(this.view, this.streams.clock.monotonic())]);
  }
}

/** For `--verbose`: the stacks of an error and its causes. */
function enginesOwn(error: Error): string[] {
  const lines: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    lines.push(cause.stack ?? String(cause));
  return lines;
}
