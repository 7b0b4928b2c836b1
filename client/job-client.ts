/**
 * The client of `JobService`: every call with the token and, where it ends by itself, a deadline; every failure a
 * GristmillError with the code that the coordinator gave it.
 */
import { Metadata, status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { systemClock, type Clock } from '../shared/clock.js';
import type { ClientTls } from '../shared/config/tls.js';
import { GristmillError, isErrorCode, type ErrorCode } from '../shared/errors.js';
import { parseJobId, type JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import { connectionError, channelTo } from '../shared/wire/credentials.js';
import { JobService } from '../shared/wire/load.js';
import type { JobServiceClient } from '../proto/generated/gristmill/v1/JobService.js';
import { eventFromWire, jobFromWire, submitToWire } from './job-convert.js';
import type { Job, JobEvent, LogChunk, LogOptions, SubmitRequest, SubmittedJob } from './job-types.js';
import { aborted, Patience } from './patience.js';

export interface JobClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly token: string;
  /** Absent: nothing is encrypted. */
  readonly tls?: ClientTls | undefined;
  readonly clock?: Clock;
  /** Calls that find no answer are sent again as a watch is, until this fires; absent: they fail at once. */
  readonly persistence?: AbortSignal;
}

export interface WatchOptions {
  /** The last event already seen; 0: from the start. */
  readonly cursor?: number;
  readonly signal?: AbortSignal;
  /** The connection broke and is being taken up again. */
  readonly onBroken?: (error: GristmillError) => void;
}

/** What a bare gRPC status means when the other side could not say more. */
const CODES: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.CANCELLED]: 'aborted',
  [status.INVALID_ARGUMENT]: 'invalid-request',
  [status.NOT_FOUND]: 'job-not-found',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'permission-denied',
  [status.RESOURCE_EXHAUSTED]: 'request-too-large',
  [status.UNIMPLEMENTED]: 'protocol-mismatch',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'unavailable',
};

/** How a stream ends whose server or connection went away without a word of its own. */
const BROKEN: ReadonlySet<status> = new Set([status.CANCELLED, status.UNAVAILABLE, status.INTERNAL, status.UNKNOWN]);

const CHANNEL = {
  // Our own watch resumes with its cursor; a retry below it would only repeat events.
  'grpc.enable_retries': 0,
  // A proxy of the environment is for the web: a coordinator is named by address.
  'grpc.enable_http_proxy': 0,
  'grpc.keepalive_time_ms': limits.keepaliveMs,
  'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  'grpc.initial_reconnect_backoff_ms': limits.reconnectMsMin,
  'grpc.max_reconnect_backoff_ms': limits.reconnectMsMax,
  'grpc.max_receive_message_length': limits.messageBytesMax,
  'grpc.max_send_message_length': limits.messageBytesMax,
};

type Reply<T> = (error: ServiceError | null, reply?: T) => void;

export class JobClient {
  readonly #clock: Clock;
  readonly #address: string;
  readonly #isTls: boolean;
  readonly #metadata = new Metadata();
  readonly #stub: JobServiceClient;
  readonly #persistence: AbortSignal | undefined;

  constructor(options: JobClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#address = options.address;
    this.#isTls = options.tls !== undefined;
    this.#persistence = options.persistence;
    this.#metadata.set('authorization', `Bearer ${options.token}`);
    const channel = channelTo(options.address, options.tls?.current());
    this.#stub = new JobService(options.address, channel.credentials, { ...CHANNEL, ...channel.options });
  }

  /** Uploading a known bundle again is harmless: `existed` is then true. */
  uploadBundle(code: Uint8Array, sha256: string): Promise<{ readonly existed: boolean }> {
    return this.#settle((reply) => {
      const call = this.#stub.uploadBundle(this.#metadata, this.#deadline(), reply);
      // The reply carries the error; without a listener of its own the stream would end the process.
      call.on('error', () => undefined);
      let sent = 0;
      const send = () => {
        let room = true;
        while (room && sent < code.length) {
          const chunk = Buffer.from(code.subarray(sent, sent + limits.bundleChunkBytes));
          room = call.write({ sha256: sent === 0 ? sha256 : '', bytes: sent === 0 ? code.length : 0, chunk });
          sent += chunk.length;
        }
        if (sent >= code.length) call.end();
        else call.once('drain', send);
      };
      send();
    });
  }

  async submit(request: SubmitRequest): Promise<SubmittedJob> {
    const wire = submitToWire(request);
    const reply = await this.#settle<{ jobId: string; existed: boolean }>((done) =>
      this.#stub.submitJob(wire, this.#metadata, this.#deadline(), done),
    );
    return { job: parseJobId(reply.jobId), existed: reply.existed };
  }

  async get(job: JobId): Promise<Job> {
    return jobFromWire(
      await this.#settle((reply) => this.#stub.getJob({ jobId: job }, this.#metadata, this.#deadline(), reply)),
    );
  }

  async list(limit = 0): Promise<readonly Job[]> {
    const reply = await this.#settle<{ jobs: Parameters<typeof jobFromWire>[0][] }>((done) =>
      this.#stub.listJobs({ limit }, this.#metadata, this.#deadline(), done),
    );
    return reply.jobs.map(jobFromWire);
  }

  async cancel(job: JobId, reason: string): Promise<Job> {
    return jobFromWire(
      await this.#settle((reply) =>
        this.#stub.cancelJob({ jobId: job, reason }, this.#metadata, this.#deadline(), reply),
      ),
    );
  }

  /**
   * Every event after the cursor, once each, and the outcome last. A broken connection is taken up again where it broke;
   * `unavailable` after `limits.watchRetriesMax` attempts in a row that brought nothing; `aborted` by the signal.
   */
  async *watch(job: JobId, options: WatchOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    const { signal, onBroken } = options;
    const patience = new Patience({ clock: this.#clock, signal, onBroken });
    let cursor = options.cursor ?? 0;
    for (;;) {
      let broken = new GristmillError('unavailable', 'the coordinator ends the watch without an outcome', {
        context: { job, address: this.#address },
      });
      try {
        for await (const event of this.#watchOnce(job, cursor, signal)) {
          if (event.cursor <= cursor) continue;
          cursor = event.cursor;
          patience.arrived();
          yield event;
          if (event.type === 'outcome') return;
        }
      } catch (thrown) {
        broken = this.#broken(thrown, signal);
      }
      await patience.wait(broken);
    }
  }

  /**
   * What user code printed, of attempts that have ended, page after page. A broken connection is taken up again where it
   * broke, as in `watch`.
   */
  async *logs(job: JobId, options: LogOptions = {}): AsyncGenerator<LogChunk, void, undefined> {
    const { signal } = options;
    const patience = new Patience({ clock: this.#clock, signal, onBroken: undefined });
    const request = { jobId: job, attempt: options.attempt ?? '', task: options.task ?? '' };
    let after = { afterAttempt: '', afterBytes: '0' };
    for (;;) {
      try {
        let isMore = false;
        const call = this.#stub.getLogs({ ...request, ...after }, this.#metadata);
        for await (const chunk of cancellable(call, signal)) {
          patience.arrived();
          isMore ||= chunk.more;
          if (chunk.attempt === '') continue;
          after = { afterAttempt: chunk.attempt, afterBytes: chunk.endBytes };
          yield { attempt: chunk.attempt, text: chunk.text };
        }
        if (!isMore) return;
      } catch (thrown) {
        await patience.wait(this.#broken(thrown, signal));
      }
    }
  }

  close(): void {
    this.#stub.close();
  }

  async *#watchOnce(job: JobId, cursor: number, signal: AbortSignal | undefined): AsyncGenerator<JobEvent> {
    const call = this.#stub.watchJob({ jobId: job, cursor }, this.#metadata);
    for await (const message of cancellable(call, signal)) yield* message.events.map(eventFromWire);
  }

  #deadline(): { deadline: number } {
    return { deadline: this.#clock.now() + limits.callDeadlineMs };
  }

  async #settle<T>(start: (reply: Reply<T>) => void): Promise<T> {
    const signal = this.#persistence;
    const patience = signal && new Patience({ clock: this.#clock, signal, onBroken: undefined });
    for (;;) {
      try {
        return await answered(start);
      } catch (thrown) {
        if (!patience) throw this.#error(thrown);
        await patience.wait(this.#broken(thrown, signal));
      }
    }
  }

  /** What a stream threw, where it may be taken up again; whatever else it threw is thrown on. */
  #broken(thrown: unknown, signal: AbortSignal | undefined): GristmillError {
    if (signal?.aborted) throw aborted();
    const error = this.#error(thrown);
    if (error.code !== 'unavailable' && !isBroken(thrown)) throw error;
    return error;
  }

  #error(thrown: unknown): GristmillError {
    if (!isServiceError(thrown)) return GristmillError.from(thrown);
    const [given] = thrown.metadata.get('gristmill-code');
    const details = thrown.details === '' ? thrown.message : thrown.details;
    if (typeof given === 'string' && isErrorCode(given)) return new GristmillError(given, details);
    const code = CODES[thrown.code] ?? 'internal';
    if (code === 'unavailable') return connectionError(this.#address, silence(thrown), this.#isTls);
    return new GristmillError(code, details, { context: { status: status[thrown.code] } });
  }
}

function answered<T>(start: (reply: Reply<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, reply) => {
      if (error) reject(error);
      else if (reply === undefined) reject(new GristmillError('internal', 'an empty reply'));
      else resolve(reply);
    });
  });
}

/** Why nobody answers. */
function silence({ code, details }: ServiceError): string {
  if (code === status.DEADLINE_EXCEEDED) return `nothing came within ${limits.callDeadlineMs / 1000} s`;
  return /Last error: (?:Error: )?([^.(]*(?:\.\d+)*[^.(]*)/.exec(details)?.[1]?.trim() ?? details;
}

/** A server stream that is given up with its consumer or its signal, and whose errors never go unheard. */
async function* cancellable<T>(call: ClientReadableStream<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  call.on('error', () => undefined);
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of call) yield message as T;
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

function isBroken(thrown: unknown): boolean {
  return isServiceError(thrown) && BROKEN.has(thrown.code) && thrown.metadata.get('gristmill-code').length === 0;
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'metadata' in thrown && thrown.metadata instanceof Metadata && 'details' in thrown;
}
