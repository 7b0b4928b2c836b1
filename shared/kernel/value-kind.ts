/** The kind of block that costs a value least. */
import { KIND_IDS } from '../codec/block.js';

export function kindOf(value: unknown): number {
  if (typeof value === 'number') return KIND_IDS.f64;
  if (typeof value === 'string') return KIND_IDS.utf8;
  return value instanceof Uint8Array ? KIND_IDS.bytes : KIND_IDS.msgpack;
}
