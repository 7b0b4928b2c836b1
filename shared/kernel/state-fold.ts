/** States, slot by slot in typed columns: what emits are added to and what states are merged into. A part's, or a whole row's. */
export interface StateFold {
  /** What the columns hold at present. */
  readonly memoryBytes: number;
  grow(capacity: number): void;
  /** Makes a slot as it was before anything was added. */
  clear(slot: number): void;
  /** Whether `addNumber` may be called with this number. */
  takesNumber(value: number): boolean;
  addNumber(slot: number, value: number): void;
  /**
   * Writes an emitted value as `addEncoded` takes it: the new end, or -1 if it does not fit. Refuses with
   * `value-invalid` what the aggregator does not take.
   */
  encodeInto(value: unknown, target: Uint8Array, offset: number): number;
  addEncoded(slot: number, bytes: Uint8Array, start: number, end: number): void;
  /** Merges a later state's part or row, in its fixed or wide form. */
  merge(slot: number, form: number, bytes: Uint8Array, start: number, end: number): void;
  /** Whether `write` writes the wide form. */
  isWide(slot: number): boolean;
  /** At most what `write` writes. */
  bytesMax(slot: number): number;
  /** Writes the part or row where the caller has made room; returns the new end. */
  write(slot: number, target: Uint8Array, offset: number): number;
  /** What the part, or the aggregation, has come to. */
  finish(slot: number): unknown;
}
