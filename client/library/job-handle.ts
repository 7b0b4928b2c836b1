/** One job of a coordinator, to be watched, awaited, cancelled and read. It holds nothing open: an id is enough to make it. */
import type { JobId } from '../../shared/ids.js';
import type { Locator } from '../../shared/store/stores.js';
import type { JobClient, WatchOptions } from '../job-client.js';
import type { Job, JobEvent, LogChunk, LogOptions } from '../job-types.js';
import { called, followed } from './calls.js';
import { errorOfOutcome } from './errors.js';
import { readResult, type JobResult } from './result.js';

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Told of every event on the way. */
  readonly onEvent?: (event: JobEvent) => void;
}

/** What a client lends to its jobs. */
export interface Lent {
  readonly jobs: JobClient;
  readonly locator: Locator;
  /** Fires when the client is closed. */
  readonly closed: AbortSignal;
}

export class JobHandle {
  readonly id: JobId;
  readonly #lent: Lent;

  constructor(id: JobId, lent: Lent) {
    this.id = id;
    this.#lent = lent;
  }

  /** The job as it is now. */
  get(): Promise<Job> {
    return called(() => this.#lent.jobs.get(this.id));
  }

  /**
   * Every event once, in order, and the outcome last, however often the connection breaks or the coordinator is started
   * again. With the `cursor` of an event only what came after it.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    return followed(() => this.#lent.jobs.watch(this.id, { ...options, signal: this.#either(options.signal) }));
  }

  /** Resolves with the job that has ended with a result; throws `JobFailed`, `JobCancelled` or `JobExpired`. */
  async wait({ signal, onEvent }: WaitOptions = {}): Promise<Job> {
    let ended: Job | undefined;
    for await (const event of this.watch(signal ? { signal } : {})) {
      onEvent?.(event);
      if (event.type === 'outcome') ended = event.outcome;
    }
    ended ??= await this.get();
    const error = errorOfOutcome(ended);
    if (error) throw error;
    return ended;
  }

  /** Cancelling what is cancelled is no error; `JobEnded` for a job that has ended otherwise, or is publishing. */
  cancel(reason = ''): Promise<Job> {
    return called(() => this.#lent.jobs.cancel(this.id, reason));
  }

  /** What the job's own code printed, of attempts that have ended. */
  logs(options: LogOptions = {}): AsyncGenerator<LogChunk, void, undefined> {
    return followed(() => this.#lent.jobs.logs(this.id, { ...options, signal: this.#either(options.signal) }));
  }

  /** What the job has published; throws `NoResult` where there is nothing. A folder is read on a machine that has it. */
  result(signal?: AbortSignal): Promise<JobResult> {
    const { jobs, locator } = this.#lent;
    return called(async () => readResult(await jobs.get(this.id), locator, this.#either(signal)));
  }

  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#lent.closed]) : this.#lent.closed;
  }
}

/** A job that was just submitted. */
export class SubmittedJob extends JobHandle {
  /** The request id was known: this is the job of an earlier submission. */
  readonly existed: boolean;

  constructor(id: JobId, existed: boolean, lent: Lent) {
    super(id, lent);
    this.existed = existed;
  }
}
