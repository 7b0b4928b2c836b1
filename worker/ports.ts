/**
 * The two ports of task code: where bytes come from and where they go, both synchronous. In an executor they are backed
 * by the ring; in `runJob` they will be direct calls.
 */
import type { Seal } from '../shared/store/object-store.js';

export interface ByteSource {
  /** The next bytes, valid until the next call; undefined at the end. */
  next(): Uint8Array | undefined;
  /** Ends it early; nothing after the end. */
  close(): void;
}

export interface ByteSink {
  /** Takes the bytes before it returns. */
  write(bytes: Uint8Array): void;
  seal(): Seal;
}
