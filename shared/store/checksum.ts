/** xxh64 by the name under which the coordinator knows it; its home is shared/codec/checksum.ts. */
import { createXxh64, type Xxh64 } from '../codec/checksum.js';

export async function createChecksum(): Promise<Xxh64> {
  return createXxh64();
}
