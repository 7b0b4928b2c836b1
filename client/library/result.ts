/** A job's result as a program reads it: what the manifest says, and rows that are verified against it. */
import type { Counts } from '../../shared/counts.js';
import { createXxh64 } from '../../shared/codec/checksum.js';
import type { ManifestPart, OutputManifest } from '../../shared/codec/manifest.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import type { Locator } from '../../shared/store/stores.js';
import type { Job } from '../job-types.js';
import { PartCheck, readingPart, resultOf, type Result } from '../transfer/result.js';
import { followed } from './calls.js';

export interface ResultPart {
  readonly uri: string;
  readonly bytes: number;
  readonly rows: number;
  /** Of the file, 16 hex digits. */
  readonly xxh64: string;
}

export class JobResult {
  readonly job: JobId;
  /** The folder of the parts, as a URI. */
  readonly output: string;
  /** False when there is more input than was read, or partitions are missing. */
  readonly complete: boolean;
  readonly rowCount: number;
  readonly counts: Counts;
  readonly parts: readonly ResultPart[];
  readonly manifest: OutputManifest;
  readonly #result: Result;

  constructor(job: Job, result: Result) {
    const { manifest } = result;
    this.job = job.job;
    this.output = job.output;
    this.complete = manifest.complete;
    this.rowCount = manifest.counts.rowsWritten;
    this.counts = manifest.counts;
    this.manifest = manifest;
    const base = job.output.replace(/\/*$/, '/');
    this.parts = manifest.parts.map(({ key, bytes, rows, xxh64 }) => ({ uri: base + key, bytes, rows, xxh64 }));
    this.#result = result;
  }

  /** Bytes of the parts, in their order. Throws `content-differs` at the end of one that is not what was written. */
  bytes(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    return followed(() => this.#bytes(signal));
  }

  /** Lines of text without their ends, in the order of the parts. */
  lines(signal?: AbortSignal): AsyncGenerator<string, void, undefined> {
    return followed(() => linesOf(this.#bytes(signal)));
  }

  /** The rows of an output in JSON lines; `Row` is what the job's `write.jsonl` was given, and is not checked. */
  rows<Row = unknown>(signal?: AbortSignal): AsyncGenerator<Row, void, undefined> {
    return followed(() => this.#rows<Row>(signal));
  }

  async *#rows<Row>(signal: AbortSignal | undefined): AsyncGenerator<Row> {
    const other = this.manifest.parts.find(({ key }) => !key.endsWith('.jsonl'));
    if (other) throw new GristmillError('invalid-request', `${other.key} is not in JSON lines: read its lines`);
    for await (const line of linesOf(this.#bytes(signal))) yield JSON.parse(line) as Row;
  }

  async *#bytes(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    for (const part of this.manifest.parts) yield* this.#part(part, signal);
  }

  async *#part(part: ManifestPart, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const { store, key } = this.#result.at(part.key);
    const check = new PartCheck(part);
    const hasher = createXxh64();
    const pieces = store.stream(key, signal ? { signal } : {})[Symbol.asyncIterator]();
    let bytes = 0;
    try {
      for (;;) {
        const next = await readingPart(part, () => pieces.next());
        if (next.done === true) break;
        const piece = next.value;
        check.take(piece);
        hasher.update(piece);
        bytes += piece.length;
        yield piece;
      }
    } finally {
      await pieces.return?.(undefined);
    }
    check.end({ bytes, xxh64: hasher.digest() });
  }
}

export async function readResult(job: Job, locator: Locator, signal: AbortSignal): Promise<JobResult> {
  return new JobResult(job, await resultOf(job, locator, signal));
}

/** Every row ends with a newline, so that parts need nothing between them. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
