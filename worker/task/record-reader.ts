/** Records of one split, one at a time, from the bytes of its source. */
import { decodeBlock, valueAt, type Block } from '../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../shared/codec/frame.js';
import { GristmillError } from '../../shared/errors.js';
import { CsvParser } from '../../shared/formats/csv.js';
import { decodeText, isBlank, parseJsonLine } from '../../shared/formats/text.js';
import { LineScanner } from '../../shared/kernel/scan.js';
import { limits } from '../../shared/limits.js';
import type { Plan, PlannedInput, Split } from '../../shared/plan.js';

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

export function createRecordReader(plan: Plan, input: PlannedInput, split: Split): RecordReader {
  switch (plan.descriptor.source.format) {
    case 'text':
      return new TextReader(input.uri, split);
    case 'jsonl':
      return new JsonlReader(input.uri, split);
    case 'csv':
      return new CsvReader(plan, input, split);
    case 'items':
      return new ItemReader(plan, input, split);
  }
}

class TextReader implements RecordReader {
  record: unknown;
  filtered = false;
  protected readonly lines: LineScanner;

  constructor(uri: string, { start, end }: Split) {
    this.lines = new LineScanner(start, end, { uri });
  }

  get offset(): number {
    return this.lines.offset;
  }

  get done(): boolean {
    return this.lines.done;
  }

  next(): boolean {
    if (!this.lines.next()) return false;
    this.record = this.decode();
    return true;
  }

  feed(bytes: Uint8Array): void {
    this.lines.push(bytes);
  }

  finish(): void {
    this.lines.finish();
  }

  protected decode(): unknown {
    return decodeText(this.lines.bytes, this.lines.start, this.lines.end);
  }
}

class JsonlReader extends TextReader {
  protected override decode(): unknown {
    const { bytes, start, end } = this.lines;
    this.filtered = isBlank(bytes, start, end);
    return this.filtered ? undefined : parseJsonLine(decodeText(bytes, start, end));
  }
}

class CsvReader extends TextReader {
  private readonly parser: CsvParser;
  /** Lines that begin before are the header. */
  private readonly dataStart: number;

  constructor(plan: Plan, { uri, header }: PlannedInput, split: Split) {
    super(uri, split);
    const { csv } = plan.descriptor.source;
    if (!csv) throw new GristmillError('internal', 'the plan does not say how to read CSV');
    this.dataStart = header?.end ?? 0;
    this.parser = new CsvParser({ format: csv, header: header && plan.headers?.[header.number], uri });
  }

  override next(): boolean {
    while (super.next()) {
      if (this.offset >= this.dataStart) return true;
    }
    return false;
  }

  protected override decode(): unknown {
    const { bytes, start, end } = this.lines;
    this.filtered = start === end;
    if (this.filtered || this.offset < this.dataStart) return undefined;
    return this.parser.parse(decodeText(bytes, start, end));
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
