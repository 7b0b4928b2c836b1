/** What takes a map task's emits: bounded memory that is emptied, sorted, whenever it is full. */
import type { EncodedBlock } from '../codec/shuffle-writer.js';

/** Takes blocks ordered by partition, and by key within a partition. */
export type TakeBlock = (partition: number, block: EncodedBlock) => void;

export interface EmitStore {
  /** Throws `key-invalid` or `value-invalid`; then nothing of this emit is kept. */
  emit(key: unknown, value: unknown): void;
  recordDone(): void;
  /** Forgets the emits of the record under way; `memory-exceeded` when there were too many of them. */
  recordFailed(): void;
  /** Emits of the records that are done. */
  readonly emitted: number;
  /** No more emits; those of a record that is not done are dropped. */
  finish(): void;
  readonly isEmpty: boolean;
  /** Gives everything that is held, sorted by (partition, key, position), and holds nothing any more. */
  drain(take: TakeBlock): void;
}
