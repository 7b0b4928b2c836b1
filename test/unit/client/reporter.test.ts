import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../../client/job-types.js';
import { createReporter } from '../../../client/render/reporter.js';
import { PLAIN } from '../../../client/render/style.js';
import type { Clock } from '../../../shared/clock.js';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { places, progress, someJob } from './events.js';

/** Time that passes when a test says so. */
class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; action: () => void }[] = [];
  now = () => this.#nowMs;
  monotonic = () => this.#nowMs;
  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  get timers(): number {
    return this.#timers.length;
  }
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = due.atMs;
      due.action();
    }
    this.#nowMs = untilMs;
  }
}

function setUp(screen: 'full' | 'json' | 'quiet', bars = false) {
  const out: string[] = [];
  const err: string[] = [];
  const clock = new ManualClock();
  const stderr = { write: (text: string) => err.push(text), columns: 80 };
  const reporter = createReporter(screen, {
    stdout: { write: (text) => out.push(text) },
    stderr,
    outStyle: PLAIN,
    errorStyle: PLAIN,
    bars: bars ? { terminal: stderr, style: PLAIN } : undefined,
    clock,
    verbose: false,
  });
  return { reporter, clock, out: () => out.join(''), err: () => err.join('') };
}

const outcome: JobEvent = { type: 'outcome', cursor: 9, atMs: 5, outcome: someJob() };
const failed: JobEvent = {
  type: 'attempt',
  cursor: 2,
  atMs: 1,
  attempt: 'map-00000.1-1',
  worker: 'w',
  won: false,
  failure: failureOf(new GristmillError('executor-died', 'the executor died')),
};

describe('the screen of a run', () => {
  test('--json prints an object for each event on stdout and nothing else', () => {
    const { reporter, out, err, clock } = setUp('json');
    for (const event of [progress(), failed, outcome]) reporter.event(event);
    reporter.outcome(someJob(), places, false);
    clock.advance(60_000);
    reporter.close();
    const lines = out().trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as JobEvent).type)).toEqual(['progress', 'attempt', 'outcome']);
    expect(JSON.parse(lines[2]!)).toMatchObject({ outcome: { counts: { shuffledOutSum: '0' } } });
    expect(err()).toBe('');
  });

  test('--json tells an error that no job had as an object too', () => {
    const { reporter, out } = setUp('json');
    reporter.error(new GristmillError('bundle-failed', 'no such file'));
    expect(JSON.parse(out())).toMatchObject({ type: 'error', code: 'bundle-failed', message: 'no such file' });
  });

  test('--quiet prints the final line only', () => {
    const { reporter, out, err, clock } = setUp('quiet');
    for (const event of [progress(), failed, outcome]) reporter.event(event);
    clock.advance(60_000);
    reporter.outcome(someJob(), places, false);
    expect(out().trimEnd().split('\n')).toHaveLength(1);
    expect(err()).toBe('');
  });

  test('without a terminal there is a line every ten seconds, and after the end none', () => {
    const { reporter, err, clock } = setUp('full');
    reporter.event(progress());
    clock.advance(35_000);
    expect(err().trimEnd().split('\n')).toHaveLength(3);
    reporter.outcome(someJob(), places, false);
    clock.advance(60_000);
    expect(err().trimEnd().split('\n')).toHaveLength(3);
    expect(clock.timers).toBe(0);
  });

  test('on a terminal bars are drawn in place, and what is told stays above them', () => {
    const { reporter, err, clock, out } = setUp('full', true);
    reporter.event(progress());
    reporter.event(failed);
    clock.advance(1_000);
    reporter.outcome(someJob(), places, false);
    const text = err();
    expect(text).toContain('\u001b[1A\u001b[J');
    expect(text.match(/attempt map-00000.1-1 failed: the executor died\n/g)).toHaveLength(1);
    expect(text.lastIndexOf('map    ')).toBeGreaterThan(text.lastIndexOf('\u001b[J'));
    expect(out()).toContain('completed  word-count');
    expect(clock.timers).toBe(0);
  });

  test('the plan of a dry run is its result: on stdout, with nothing claimed', () => {
    const { reporter, out } = setUp('full');
    reporter.event({ type: 'notice', cursor: 1, atMs: 0, code: 'plan', message: '3 inputs, 12.3 MB' });
    reporter.outcome(someJob(), places, true);
    expect(out()).toBe('3 inputs, 12.3 MB\nplanned: word-count; nothing was run, claimed or written\n');
  });

  test.each(['full', 'json'] as const)('why a job failed goes to stderr (%s)', (screen) => {
    const { reporter, out, err } = setUp(screen);
    const job = someJob({ state: 'failed', failure: failureOf(new GristmillError('map-failed', 'boom')) });
    reporter.outcome(job, places, false);
    expect(err()).toBe('error: boom\n');
    expect(out()).not.toContain('boom');
  });

  test("an error shows no stack of the engine's", () => {
    const { reporter, err } = setUp('full');
    reporter.error(new GristmillError('internal', 'broken', { cause: new Error('inner') }));
    expect(err()).toContain('error: broken');
    expect(err()).not.toMatch(/\n\s+at /);
  });
});
