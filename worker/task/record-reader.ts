/** Records of one split, one at a time, from the bytes of its source. */
import { decodeBlock, valueAt, type Block } from '../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../shared/codec/frame.js';
import type { Kernel } from '../../shared/kernel/kernel.js';
import { limits } from '../../shared/limits.js';
import type { Plan, PlannedInput, Split } from '../../shared/plan.js';
import { CsvReader, JsonlReader, TextReader } from './line-readers.js';

/** `next` moves to a record of what has been fed; when it says no, more bytes are wanted unless `done`. */
export interface RecordReader {
  readonly record: unknown;
  /** Of the record's first byte; of an item, its number. */
  readonly offset: number;
  /** There is a record, and the engine sets it aside. */
  readonly filtered: boolean;
  readonly done: boolean;
  next(): boolean;
  feed(bytes: Uint8Array): void;
  /** The source has ended. */
  finish(): void;
}

export function createRecordReader(plan: Plan, input: PlannedInput, split: Split, kernel: Kernel): RecordReader {
  switch (plan.descriptor.source.format) {
    case 'text':
      return new TextReader(kernel, input.uri, split);
    case 'jsonl':
      return new JsonlReader(kernel, input.uri, split);
    case 'csv':
      return new CsvReader(kernel, plan, input, split);
    case 'items':
      return new ItemReader(plan, input, split);
  }
}

class ItemReader implements RecordReader {
  record: unknown;
  readonly filtered = false;
  offset: number;
  done = false;
  private readonly frames: FrameReader;
  private readonly splitBytes: number;
  private fed = 0;
  private block: Block | undefined;
  private row = 0;

  constructor(plan: Plan, input: PlannedInput, split: Split) {
    const number = (input.cuts ?? []).indexOf(split.start);
    const attempt = input.uri.slice(input.uri.lastIndexOf('/') + 1);
    this.frames = new FrameReader(identityOf(plan.job, attempt), number);
    this.splitBytes = split.end - split.start;
    this.offset = number * (plan.descriptor.source.itemsPerSplit ?? limits.itemsPerSplitDefault) - 1;
  }

  next(): boolean {
    while (!this.block || this.row >= this.block.rows) {
      const payload = this.frames.next();
      if (!payload) {
        if (this.fed >= this.splitBytes) this.finish();
        return false;
      }
      this.block = decodeBlock(payload);
      this.row = 0;
    }
    this.record = valueAt(this.block, this.row++);
    this.offset += 1;
    return true;
  }

  feed(bytes: Uint8Array): void {
    const mine = bytes.subarray(0, this.splitBytes - this.fed);
    this.fed += mine.length;
    if (mine.length > 0) this.frames.push(mine);
  }

  finish(): void {
    if (!this.done) this.frames.end();
    this.done = true;
  }
}
