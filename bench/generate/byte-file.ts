/** A file written through one large buffer: the cost of a row is the cost of its bytes. */
import { closeSync, openSync, writeSync } from 'node:fs';

const bufferBytes = 4 * 1024 * 1024;

export class ByteFile {
  /** To be filled from `at` on, after `room` was asked for. */
  readonly bytes: Uint8Array = new Uint8Array(bufferBytes);
  at = 0;
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  /** Makes sure that so many bytes fit behind `at`. */
  room(bytes: number): void {
    if (this.at + bytes > bufferBytes) this.#flush();
  }

  /** Appends all of a few bytes. Faster than `set` for the length of a name or a number. */
  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    for (let from = 0; from < bytes.length; from++) this.bytes[this.at++] = bytes[from]!;
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    for (let from = 0; from < this.at;) from += writeSync(this.#file, this.bytes, from, this.at - from);
    this.at = 0;
  }
}
