/** What was asked of an S3 server, by operation. No key, bucket or job is in it: there would be no end of them. */
export type S3Operation =
  | 'put'
  | 'put-absent'
  | 'get'
  | 'head'
  | 'list'
  | 'delete'
  | 'delete-batch'
  | 'upload-begin'
  | 'upload-part'
  | 'upload-complete'
  | 'upload-abort'
  | 'upload-list'
  | 'part-list'
  | 'bucket';

export interface S3RequestTold {
  readonly operation: S3Operation;
  readonly seconds: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** It repeats a request of the same call. */
  readonly isRetry: boolean;
  /** `ok`, `refused`, or why there is no answer. */
  readonly outcome: 'ok' | 'refused' | 'busy' | 'silent' | 'aborted';
}

export interface S3Count {
  requests: number;
  retries: number;
  /** Requests that the server could not answer now, or did not. */
  errors: number;
  seconds: number;
  bytesOut: number;
  bytesIn: number;
}

/** By operation. */
export type S3Counts = ReadonlyMap<S3Operation, Readonly<S3Count>>;

export class S3Counters {
  readonly #counts = new Map<S3Operation, S3Count>();

  add(told: S3RequestTold): void {
    const count = this.#counts.get(told.operation) ?? zero();
    this.#counts.set(told.operation, count);
    count.requests += 1;
    count.seconds += told.seconds;
    count.bytesIn += told.bytesIn;
    count.bytesOut += told.bytesOut;
    if (told.isRetry) count.retries += 1;
    if (told.outcome === 'busy' || told.outcome === 'silent') count.errors += 1;
  }

  /** Adds what another process has counted. */
  merge(counts: S3Counts): void {
    for (const [operation, more] of counts) {
      const count = this.#counts.get(operation) ?? zero();
      this.#counts.set(operation, count);
      count.requests += more.requests;
      count.retries += more.retries;
      count.errors += more.errors;
      count.seconds += more.seconds;
      count.bytesOut += more.bytesOut;
      count.bytesIn += more.bytesIn;
    }
  }

  /** What was counted since this was asked last. */
  take(): S3Counts {
    const taken = this.snapshot();
    this.#counts.clear();
    return taken;
  }

  /** A copy, operations in alphabetical order. */
  snapshot(): S3Counts {
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([operation, count]) => [operation, { ...count }]));
  }
}

function zero(): S3Count {
  return { requests: 0, retries: 0, errors: 0, seconds: 0, bytesOut: 0, bytesIn: 0 };
}
