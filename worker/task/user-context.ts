/** `ctx`: what user code sees of its job, attempt and record. */
import { xxh64, hex64 } from '../../shared/codec/checksum.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';

/** The job's own counters of one attempt. */
export class UserCounters {
  private readonly counts = new Map<string, number>();

  counter(name: string): { add(n: number): void } {
    if (typeof name !== 'string' || name === '') {
      throw new GristmillError('value-invalid', 'a counter wants a name, a string that is not empty');
    }
    if (!this.counts.has(name) && this.counts.size >= limits.userCountersMax) {
      throw new GristmillError('value-invalid', `more than ${limits.userCountersMax} counters; names are not for data`);
    }
    return {
      add: (n) => {
        const sum = (this.counts.get(name) ?? 0) + n;
        if (!Number.isSafeInteger(sum)) {
          throw new GristmillError('value-invalid', `counter ${name}: ${n} is not an integer, or the sum is too large`);
        }
        this.counts.set(name, sum);
      },
    };
  }

  totals(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }
}

export class SetupContext {
  readonly params: unknown;
  readonly signal: AbortSignal;

  constructor(params: unknown, signal: AbortSignal) {
    this.params = params;
    this.signal = signal;
  }

  file(name: string): string {
    throw new GristmillError('not-built-yet', `ctx.file(${JSON.stringify(name)}): the option 'files' is not built yet`);
  }

  secret(name: string): string {
    throw new GristmillError(
      'not-built-yet',
      `ctx.secret(${JSON.stringify(name)}): the option 'secrets' is not built yet`,
    );
  }
}

export interface ContextOptions {
  readonly params: unknown;
  readonly signal: AbortSignal;
  readonly state: unknown;
  readonly attempt: string;
  readonly counters: UserCounters;
  /** Takes a line of the job's log. */
  readonly log: (line: string) => void;
}

export class ReduceContext extends SetupContext {
  readonly state: unknown;
  readonly attempt: string;
  private readonly options: ContextOptions;

  constructor(options: ContextOptions) {
    super(options.params, options.signal);
    this.options = options;
    this.state = options.state;
    this.attempt = options.attempt;
  }

  counter(name: string): { add(n: number): void } {
    return this.options.counters.counter(name);
  }

  log(message: string): void {
    this.options.log(message);
  }
}

/** Where the record at hand came from. */
export interface RecordPlace {
  readonly uri: string;
  readonly etag: string;
  offset: number;
  index: number;
}

export class MapContext extends ReduceContext {
  /** Set by the map task before each record. */
  place: RecordPlace = { uri: '', etag: '', offset: 0, index: 0 };

  get record(): { readonly uri: string; readonly offset: number; readonly index: number } {
    const { uri, offset, index } = this.place;
    return { uri, offset, index };
  }

  get idempotencyKey(): string {
    const { uri, etag, offset } = this.place;
    return hex64(xxh64(Buffer.from(`${uri}\n${etag}\n${offset}`)));
  }
}
