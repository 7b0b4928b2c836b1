/** Records that are lines: text, JSON and CSV. Whole lines of a chunk are decoded together, those at its edges one by one. */
import { GristmillError } from '../../shared/errors.js';
import { CsvParser } from '../../shared/formats/csv.js';
import { decodeText, isBlankText, parseJsonLine } from '../../shared/formats/text.js';
import { CellBlock } from '../../shared/kernel/cell-block.js';
import type { Kernel } from '../../shared/kernel/kernel.js';
import { LineScanner } from '../../shared/kernel/scan.js';
import { TextBlock } from '../../shared/kernel/text-block.js';
import type { Plan, PlannedInput, Split } from '../../shared/plan.js';
import type { RecordReader } from './record-reader.js';

export class TextReader implements RecordReader {
  record: unknown;
  filtered = false;
  offset = 0;
  private readonly lines: LineScanner;
  private readonly block: TextBlock;
  private readonly blockBytesMax: number;

  constructor(kernel: Kernel, uri: string, { start, end }: Split) {
    this.lines = new LineScanner(start, end, { uri });
    this.block = new TextBlock(kernel);
    this.blockBytesMax = kernel.textBytesMax;
  }

  get done(): boolean {
    return this.lines.done && !this.block.more;
  }

  next(): boolean {
    if (this.block.more || this.takeBlock()) {
      this.offset = this.block.nextOffset;
      this.record = this.fromBlock(this.block);
      return true;
    }
    if (!this.nextLine()) return false;
    const { bytes, start, end } = this.lines;
    this.record = this.decode(decodeText(bytes, start, end));
    return true;
  }

  private nextLine(): boolean {
    const found = this.lines.next();
    this.offset = this.lines.offset;
    return found;
  }

  private takeBlock(): boolean {
    const { lines } = this;
    const whole = lines.wholeLines(this.blockBytesMax);
    if (!whole) return false;
    this.block.take(lines.chunk, whole.start, whole.end, whole.offset);
    this.taken(this.block);
    return true;
  }

  /** The block has new lines. */
  protected taken(_block: TextBlock): void {
    // Nothing is to be known of them.
  }

  /** What the next line of the block is. */
  protected fromBlock(block: TextBlock): unknown {
    return this.decode(block.next());
  }

  feed(bytes: Uint8Array): void {
    this.lines.push(bytes);
  }

  finish(): void {
    this.lines.finish();
  }

  protected decode(line: string): unknown {
    return line;
  }
}

export class JsonlReader extends TextReader {
  protected override decode(line: string): unknown {
    this.filtered = isBlankText(line);
    return this.filtered ? undefined : parseJsonLine(line);
  }
}

export class CsvReader extends TextReader {
  private readonly parser: CsvParser;
  private readonly cells: CellBlock | undefined;
  /** Lines that begin before are the header. */
  private readonly dataStart: number;

  constructor(kernel: Kernel, plan: Plan, { uri, header }: PlannedInput, split: Split) {
    super(kernel, uri, split);
    const { csv } = plan.descriptor.source;
    if (!csv) throw new GristmillError('internal', 'the plan does not say how to read CSV');
    this.dataStart = header?.end ?? 0;
    this.parser = new CsvParser({ format: csv, header: header && plan.headers?.[header.number], uri });
    const { wanted } = this.parser;
    this.cells = wanted && new CellBlock(kernel, wanted);
  }

  protected override taken(block: TextBlock): void {
    this.cells?.take(block);
  }

  protected override fromBlock(block: TextBlock): unknown {
    const record = this.cells && this.parser.fromCells(this.cells);
    if (!record) return super.fromBlock(block);
    block.pass();
    this.filtered = false;
    return record;
  }

  override next(): boolean {
    while (super.next()) {
      if (this.offset >= this.dataStart) return true;
    }
    return false;
  }

  protected override decode(line: string): unknown {
    this.filtered = line === '';
    return this.filtered || this.offset < this.dataStart ? undefined : this.parser.parse(line);
  }
}
