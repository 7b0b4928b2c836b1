/**
 * The two ports of task code: where bytes come from and where they go, both synchronous. In an executor they are backed
 * by the ring; in `runJob` they will be direct calls.
 */
import type { Seal } from '../shared/store/object-store.js';

export type { ByteSource } from '../shared/kernel/block-source.js';

export interface ByteSink {
  /** Takes the bytes before it returns. */
  write(bytes: Uint8Array): void;
  seal(): Seal;
}
