import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { xxh64 } from '../../../shared/codec/checksum.js';
import { kernel } from '../../harness/engines.js';
import { KernelMemory } from '../../harness/kernel-memory.js';

function byKernel(bytes: Uint8Array, seed: bigint, shift: number): bigint {
  const at = new KernelMemory(kernel).put(bytes, shift);
  return BigInt.asUintN(64, kernel.exports.xxh64(at, bytes.length, BigInt.asIntN(64, seed)));
}

describe('the kernel’s xxh64 is that of xxhash-wasm', () => {
  test('for every length up to 300 bytes, at every address modulo 8', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 151 + (i >> 3)) & 0xff);
    for (let length = 0; length <= 300; length++) {
      const piece = bytes.subarray(300 - length);
      expect(byKernel(piece, 0n, length % 8)).toBe(xxh64(piece));
    }
  });

  test('for any bytes, seed and address', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5000 }),
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.nat({ max: 63 }),
        (bytes, seed, shift) => {
          expect(byKernel(bytes, seed, shift)).toBe(xxh64(bytes, seed));
        },
      ),
      { numRuns: 500 },
    );
  });
});
