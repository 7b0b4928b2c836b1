/** A user of one job: submits until answered, watches, perhaps cancels, whoever leads. */
import { CURSOR_STEP } from '../../coordinator/job-view.js';
import type { Coordinator } from '../../coordinator/core.js';
import type { SubmitRequest } from '../../coordinator/scheduler/records.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import type { Checker } from './checker.js';
import type { SeededRandom } from './random.js';
import type { SimLeaders } from './sim-leader.js';
import type { MiniatureJob } from './task-work.js';
import { Violation, type Life, type World } from './world.js';

export interface SimClientOptions {
  readonly world: World;
  readonly leaders: SimLeaders;
  readonly checker: Checker;
  readonly request: SubmitRequest;
  readonly miniature: MiniatureJob;
  readonly submitAfterMs: number;
  readonly cancelAfterMs: number | undefined;
}

export class SimClient {
  readonly #options: SimClientOptions;
  readonly #random: SeededRandom;
  job: JobId | undefined;
  outcome: string | undefined;
  #cursor = 0;

  constructor(options: SimClientOptions) {
    this.#options = options;
    this.#random = options.world.stream(options.request.requestId);
    const { world, submitAfterMs, cancelAfterMs } = options;
    world.after(submitAfterMs, () => this.#submit());
    if (cancelAfterMs !== undefined) world.after(submitAfterMs + cancelAfterMs, () => this.#cancel());
  }

  get miniature(): MiniatureJob {
    return this.#options.miniature;
  }

  get wasCancelled(): boolean {
    return this.#options.cancelAfterMs !== undefined;
  }

  #submit(): void {
    if (this.job !== undefined) return;
    const { world, leaders, request } = this.#options;
    const { core, life } = leaders.pick();
    world.after(this.#random.between(500, 2000), () => this.#submit());
    if (!core) return;
    world.step('event', `submit ${request.requestId}`);
    // Whoever stands still takes it when it goes on.
    world.whenAwake(life, () => this.#submitTo(core, life));
  }

  #submitTo(core: Coordinator, life: Life): void {
    const { world, checker, request } = this.#options;
    core.submit(request).then(({ job }) => {
      if (!life.alive) return;
      this.#guarded(() => checker.onSubmitted(request.requestId, job));
      if (this.job !== undefined && this.job !== job) this.#violate(`${request.requestId} was answered with two jobs`);
      // The answer may be lost on its way: then the same request is sent again.
      if (world.fault('answer to a client lost', 0.1) || this.job !== undefined) return;
      this.job = job;
      this.#watch();
    }, this.#later);
  }

  #cancel(): void {
    const { world, leaders } = this.#options;
    const { core, life } = leaders.pick();
    const { job } = this;
    if (!core || job === undefined) {
      if (this.outcome === undefined) world.after(300, () => this.#cancel());
      return;
    }
    world.step('event', `cancel ${job}`);
    world.whenAwake(life, () => this.#cancelAt(core, life, job));
  }

  #cancelAt(core: Coordinator, life: Life, job: JobId): void {
    core.cancel(job, 'by its user').then(() => {
      if (life.alive) this.#guarded(() => this.#options.checker.onCancelled(job));
    }, this.#later);
  }

  /** A refusal is an answer as well; a leader that stops gives none. */
  readonly #later = (thrown: unknown): void => {
    const code = thrown instanceof GristmillError ? thrown.code : 'internal';
    const { checker } = this.#options;
    if (code === 'job-not-found' && this.job !== undefined && checker.isForgotten(this.job)) {
      this.outcome ??= checker.lastOf(this.job)?.state;
      return;
    }
    if (code === 'internal' || code === 'journal-corrupt' || code === 'job-not-found')
      this.#violate(`a call fails with ${String(thrown)}`);
  };

  #watch(): void {
    if (this.outcome !== undefined) return;
    const { world, leaders } = this.#options;
    const { core, life } = leaders.pick();
    // Whoever leads then may be another.
    const again = () => {
      if (life.alive && core) world.after(500, again);
      else this.#watch();
    };
    world.after(500, again);
    if (core) void this.#follow(core.watch(this.job as JobId, this.#cursor, new AbortController().signal));
  }

  async #follow(events: ReturnType<Coordinator['watch']>): Promise<void> {
    const { checker } = this.#options;
    const job = this.job as JobId;
    try {
      for await (const batch of events) {
        for (const event of batch) {
          this.#cursor = Math.max(this.#cursor, event.cursor);
          if (event.type === 'progress') continue;
          const known = checker.durable.jobs.get(job);
          // A leader that stood still may tell of a job that its successor has forgotten since.
          const isDurable = checker.isForgotten(job) || event.cursor / CURSOR_STEP <= (known?.eventsEnd ?? 0);
          this.#guarded(() =>
            checker.onEvent(job, event.cursor, JSON.stringify({ ...event, outcome: undefined }), isDurable),
          );
          if (event.type === 'outcome') this.#ended(event.outcome.state);
        }
      }
    } catch (thrown) {
      this.#later(thrown);
    }
  }

  #ended(state: string): void {
    if (this.outcome !== undefined && this.outcome !== state)
      this.#violate(`an outcome was ${this.outcome}, is ${state}`);
    this.outcome = state;
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      if (!(thrown instanceof Violation)) this.#violate(String(thrown));
    }
  }

  #violate(message: string): void {
    this.#options.world.violation ??= new Violation(message);
  }
}
