/** What went through a proxy, counted by operation and folder, and what was injected: the proof that a fault struck. */
import type { Operation, S3Request } from './s3-request.js';

/** Requests of one operation on keys of one folder. */
export interface Count {
  readonly operation: Operation;
  /** The first segments of the key's folder. */
  readonly folder: string;
  readonly requests: number;
  /** Of bodies, from the client and to it. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface Counts {
  readonly counts: readonly Count[];
  /** By the names of rules. */
  readonly injected: Readonly<Record<string, number>>;
  /** Of answers that the server gave. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests for which the server could not be reached, or broke off. */
  readonly unreached: number;
}

export interface Selection {
  readonly operations?: readonly Operation[];
  readonly folderIncludes?: string;
}

const FOLDER_SEGMENTS = 3;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

export class Tally {
  readonly #counts = new Map<string, Writable<Count>>();
  readonly #injected = new Map<string, number>();
  readonly #statuses = new Map<string, number>();
  #unreached = 0;

  /** Gives what the request's bytes are added to. */
  request({ operation, key }: S3Request): Writable<Count> {
    const folder = key.split('/').slice(0, -1).slice(0, FOLDER_SEGMENTS).join('/');
    const name = `${operation} ${folder}`;
    let count = this.#counts.get(name);
    if (!count) this.#counts.set(name, (count = { operation, folder, requests: 0, bytesSent: 0, bytesReceived: 0 }));
    count.requests++;
    return count;
  }

  injected(names: readonly string[]): void {
    for (const name of names) this.#injected.set(name, (this.#injected.get(name) ?? 0) + 1);
  }

  status(code: number): void {
    this.#statuses.set(String(code), (this.#statuses.get(String(code)) ?? 0) + 1);
  }

  unreached(): void {
    this.#unreached++;
  }

  read(): Counts {
    return {
      counts: [...this.#counts.values()].map((count) => ({ ...count })),
      injected: Object.fromEntries(this.#injected),
      statuses: Object.fromEntries(this.#statuses),
      unreached: this.#unreached,
    };
  }
}

export function requestsOf({ counts }: Counts, { operations, folderIncludes = '' }: Selection = {}): number {
  return counts
    .filter(({ operation }) => operations?.includes(operation) ?? true)
    .filter(({ folder }) => folder.includes(folderIncludes))
    .reduce((sum, { requests }) => sum + requests, 0);
}
