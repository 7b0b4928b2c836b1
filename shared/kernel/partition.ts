/** Which partition a key belongs to. */
import { GristmillError } from '../errors.js';
import { xxh64 } from '../codec/checksum.js';
import { decodeKey, type Key } from '../codec/key.js';

export type PartitionFunction = (key: Key, count: number) => number;

const digest = new BigUint64Array(1);
const halves = new Uint32Array(digest.buffer);

/** `xxh64(encoded key) mod count`. */
export function partitionOf(keyBytes: Uint8Array, count: number): number {
  digest[0] = xxh64(keyBytes);
  return (((halves[1] as number) % count) * 2 ** 32 + (halves[0] as number)) % count;
}

/** What the user's function says, checked. Refuses with `partition-failed`. */
export function partitionBy(choose: PartitionFunction, keyBytes: Uint8Array, count: number): number {
  const key = decodeKey(keyBytes);
  let partition: unknown;
  try {
    partition = choose(key, count);
  } catch (error) {
    throw new GristmillError(
      'partition-failed',
      `partition(key, ${count}) threw: ${GristmillError.from(error).message}`,
      {
        cause: error,
      },
    );
  }
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition < count) {
    return partition;
  }
  const said = typeof partition === 'number' ? String(partition) : `a value of type ${typeof partition}`;
  throw new GristmillError(
    'partition-failed',
    `partition(key, ${count}) must return an integer from 0 to ${count - 1}; it returned ${said}`,
  );
}
