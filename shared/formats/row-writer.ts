/** Collects rows to blocks of a sink's bytes, and counts twice: rows as they come in, lines as they go out. */
import { limits } from '../limits.js';
import type { SinkFormat } from '../plan.js';
import { createRowEncoder, type RowEncoder } from './row-encoder.js';

interface Writes {
  readonly utf8Write: (this: Uint8Array, text: string, at: number) => number;
}

const { utf8Write } = Buffer.prototype as unknown as Writes;
const NEWLINE = 0x0a;

/** Takes a block of bytes, which are valid until it returns. */
export type BlockWriter = (block: Uint8Array) => void;

export class RowWriter {
  readonly #encode: RowEncoder;
  readonly #write: BlockWriter;
  readonly #blockBytes: number;
  /** Lines not yet encoded: joining strings first and encoding them at once is a fifth faster than row by row. */
  #lines = '';
  #buffer: Uint8Array;
  #rows = 0;
  #rowsWritten = 0;
  #bytesWritten = 0;

  constructor(format: SinkFormat, write: BlockWriter, blockBytes: number = limits.blockBytesTarget) {
    this.#encode = createRowEncoder(format);
    this.#write = write;
    this.#blockBytes = blockBytes;
    this.#buffer = new Uint8Array(blockBytes * 3);
  }

  /** Rows emitted. */
  get rows(): number {
    return this.#rows;
  }

  /** Newlines in the bytes handed on: what a reader of the file will count. */
  get rowsWritten(): number {
    return this.#rowsWritten;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Throws `row-invalid`, and then nothing of the row is written. */
  emit(row: unknown): void {
    const line = this.#encode(row);
    this.#rows += 1;
    this.#lines += `${line}\n`;
    if (this.#lines.length >= this.#blockBytes) this.flush();
  }

  /** Hands on what was collected, in blocks of at most the block size. */
  flush(): void {
    if (this.#lines === '') return;
    const bytesMax = this.#lines.length * 3;
    if (bytesMax > this.#buffer.length) this.#buffer = new Uint8Array(bytesMax);
    const length = utf8Write.call(this.#buffer, this.#lines, 0);
    this.#lines = '';
    for (let at = 0; at < length; at += this.#blockBytes) {
      const block = this.#buffer.subarray(at, Math.min(length, at + this.#blockBytes));
      this.#rowsWritten += newlinesIn(block);
      this.#bytesWritten += block.length;
      this.#write(block);
    }
  }
}

function newlinesIn(block: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < block.length; at++) if (block[at] === NEWLINE) count += 1;
  return count;
}
