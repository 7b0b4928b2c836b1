/** Reads a range of an open file, one piece after the other, into memory of the caller's. */
import type { FileHandle } from 'node:fs/promises';
import { readError } from './file-errors.js';
import { attempt, etagOf, readPieces } from './files.js';
import { objectChanged } from './object-reader.js';
import type { ObjectReader } from './object-store.js';
import { throwIfAborted } from './signal.js';

export interface FileReaderOptions {
  /** Closed by the reader. */
  readonly handle: FileHandle;
  /** Named in errors. */
  readonly path: string;
  /** `[start, end)`; the file may be shorter. */
  readonly start: number;
  readonly end: number;
  /** Of the file that is meant. */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class FileReader implements ObjectReader {
  readonly #options: FileReaderOptions;
  #at: number;

  constructor(options: FileReaderOptions) {
    this.#options = options;
    this.#at = options.start;
  }

  async read(pieces: readonly Uint8Array[]): Promise<number> {
    const { handle, path, end, etag, signal } = this.#options;
    throwIfAborted(signal);
    try {
      const filled = await readPieces(handle, upTo(pieces, end - this.#at), this.#at);
      this.#at += filled;
      // Files change in place, so each read is looked at when its bytes are here.
      if (etag !== undefined && etagOf(await handle.stat({ bigint: true })) !== etag) throw objectChanged(path);
      return filled;
    } catch (thrown) {
      throw readError(thrown, path);
    }
  }

  async close(): Promise<void> {
    await attempt(this.#options.handle.close());
  }
}

/** The first `bytes` of the pieces. */
function upTo(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const cut: Uint8Array[] = [];
  let left = bytes;
  for (const piece of pieces) {
    if (left <= 0) break;
    cut.push(piece.subarray(0, left));
    left -= piece.length;
  }
  return cut;
}
