/**
 * The kernels in WebAssembly and the one memory that they work in. Each has its TypeScript reference in `reference/`.
 *
 * The memory is created at its full size and never grows: address space costs nothing before it is touched, and growing would
 * detach every view. Addresses are bytes from its start; those that WebAssembly returns are made unsigned, for it knows
 * only signed numbers. An instance serves one task at a time.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { kernelWasm } from './generated/wasm.js';

/** 4 GiB less one page: a view of 2^32 bytes is one more than every V8 allows. */
const PAGES = 65_535;
/** The longest piece of text that is scanned at once. */
const TEXT_BYTES_MAX = 256 * 1024;
/** For each byte of text at most a delimiter, two ends of a cell, half a number and a flag; then what each cell is. */
const CELLS_BYTES = TEXT_BYTES_MAX * 17 + limits.columnsMax + 256;
/** 256 MiB, where a system promises no more memory than it has. A limit on addresses allows either any size or none. */
const PAGES_LEAST = 4_096;

/** The part of the WebAssembly API that is used: Node's own types leave it to the DOM's. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface WasmApi {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

interface Global<Value> {
  readonly value: Value;
}

/** Flags are 0 or 1, addresses and counts unsigned 32-bit numbers that arrive as signed ones. */
export interface KernelExports {
  readonly regionsStart: () => number;
  readonly recordPlace: () => number;
  readonly xxh64: (at: number, bytes: number, seed: bigint) => bigint;
  readonly scanLines: (at: number, bytes: number, ends: number) => number;
  readonly hasOther: Global<number>;
  readonly hasReturn: Global<number>;
  readonly narrowLines: (
    at: number,
    ends: number,
    lines: number,
    to: number,
    narrowEnds: number,
    most: number,
  ) => number;
  readonly cutCells: (
    at: number,
    bytes: number,
    ends: number,
    lines: number,
    delimiter: number,
    quote: number,
    kinds: number,
    cells: number,
    delimiters: number,
    flags: number,
    cuts: number,
    numbers: number,
  ) => void;
  readonly layoutBegin: () => void;
  readonly layoutPart: (id: number) => number;
  readonly stride: Global<number>;
  readonly rowBytes: Global<number>;
  readonly finishPart: (entry: number, part: number) => number;
  readonly inexact: Global<number>;
  readonly tableInit: (start: number, bytes: number, slotsMax: number) => void;
  readonly tableClear: () => void;
  readonly tableAdd: (keys: number, ends: number, values: number, from: number, to: number) => number;
  readonly tableAppend: (keys: number, ends: number, values: number, from: number, to: number) => number;
  readonly cacheInit: (slotsAt: number, addressesAt: number, mostSlots: number, canCountOnes: boolean) => void;
  readonly cacheAdd: (keys: number, values: number, from: number, to: number) => number;
  readonly cacheSettle: () => void;
  readonly cacheClear: () => void;
  readonly tableEntries: () => number;
  readonly tableStart: () => number;
  readonly tableIndex: () => number;
  readonly tableHash: (at: number, length: number, first: bigint, last: bigint) => number;
  readonly collisions: Global<number>;
  readonly sortRows: (start: number, stride: number) => void;
  readonly sortPartitions: (chosen: number, count: number, partitions: number) => void;
  readonly sortBegin: (
    first: number,
    second: number,
    chosen: number,
    starts: number,
    count: number,
    partitions: number,
  ) => void;
  readonly sortRange: (from: number, to: number) => void;
  readonly sortedRow: (place: number) => number;
  readonly blockPlaces: (
    keys: number,
    ends: number,
    values: number,
    valueEnds: number,
    weights: number,
    bytes: number,
    target: number,
  ) => void;
  readonly writeStates: (start: number, sorted: number, from: number, to: number) => number;
  readonly arenaRowsAt: (first: number) => void;
  readonly writeArenaRows: (from: number, to: number) => number;
  readonly writeMergedRows: (from: number, to: number, rows: number) => number;
  readonly mixed: Global<number>;
  readonly checkBlock: (
    rows: number,
    keys: number,
    keysBytes: number,
    ends: number,
    kind: number,
    values: number,
    valuesBytes: number,
    valueEnds: number,
    weights: number,
  ) => number;
  readonly checkedWeight: Global<bigint>;
  readonly checkedSum: Global<bigint>;
  readonly keyBytes: Global<number>;
  readonly valueBytes: Global<number>;
  readonly kind: Global<number>;
  readonly weighted: Global<number>;
  readonly weight: Global<bigint>;
  readonly sum: Global<bigint>;
  readonly oversize: Global<number>;
  readonly mergeInit: (place: number, sources: number) => void;
  readonly mergeLoad: (
    source: number,
    keys: number,
    ends: number,
    values: number,
    valueEnds: number,
    weights: number,
    rows: number,
    kind: number,
  ) => void;
  readonly mergeEnd: (source: number) => void;
  readonly mergeStart: () => void;
  readonly mergeWinner: () => number;
  readonly mergeRefilled: () => number;
  readonly mergeRows: (rows: number, most: number) => number;
  readonly given: Global<number>;
  readonly foldPlaces: (start: number, bytes: number) => void;
  readonly foldClear: () => void;
  readonly mergeFold: () => number;
  readonly groups: Global<number>;
}

let compiled: object | undefined;

export class Kernel {
  readonly exports: KernelExports;
  readonly memory: WasmMemory;
  /** All of the memory. Inner loops take views of their own region, which stay below 2^31. */
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(pages = PAGES) {
    this.memory = reserve(pages);
    compiled ??= new wasm.Module(Buffer.from(kernelWasm, 'base64'));
    const instance = new wasm.Instance(compiled, { env: { memory: this.memory } });
    this.exports = instance.exports as KernelExports;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  /** The first address that no kernel uses by itself: behind the text that is being scanned. */
  get start(): number {
    return this.cellsAt + CELLS_BYTES;
  }

  /** Where a piece of text is scanned, with 64 bytes of room behind it, and where the ends of its lines go. */
  get textAt(): number {
    return Math.ceil((this.exports.regionsStart() >>> 0) / 64) * 64;
  }

  get linesAt(): number {
    return this.textAt + TEXT_BYTES_MAX + 128;
  }

  /** Where the same text goes as Latin-1, with room as before, and where the ends of its lines there go. */
  get narrowAt(): number {
    return this.linesAt + TEXT_BYTES_MAX * 4;
  }

  get narrowEndsAt(): number {
    return this.narrowAt + TEXT_BYTES_MAX + 128;
  }

  /** Where the cells of its lines go: 17 bytes for each byte of text, and some. */
  get cellsAt(): number {
    return this.narrowEndsAt + TEXT_BYTES_MAX * 4;
  }

  get textBytesMax(): number {
    return TEXT_BYTES_MAX;
  }

  get end(): number {
    return this.bytes.length;
  }
}

function reserve(pages: number): WasmMemory {
  for (let size = pages; ; size = Math.floor(size / 2)) {
    try {
      return new wasm.Memory({ initial: size, maximum: 65_536 });
    } catch (error) {
      if (size / 2 >= PAGES_LEAST) continue;
      const remedy = 'ulimit -v must allow an executor about 32 GiB';
      throw new GristmillError('memory-exceeded', `there are no addresses for the memory of a task: ${remedy}`, {
        cause: error,
      });
    }
  }
}
