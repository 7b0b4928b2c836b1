import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockBuilder } from '../../../shared/codec/block-builder.js';
import { decodeBlock, encodeBlock, KIND_IDS, type Block } from '../../../shared/codec/block.js';
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader, identityOf } from '../../../shared/codec/frame.js';
import { encodeKey } from '../../../shared/codec/key.js';
import {
  parseFirstKeys,
  parseIndex,
  parseTail,
  TAIL_BYTES,
  verifyShuffleObject,
} from '../../../shared/codec/shuffle-object.js';
import { ShuffleWriter, type WrittenShuffle } from '../../../shared/codec/shuffle-writer.js';
import { encodeValue } from '../../../shared/codec/value.js';
import { hasCode } from '../../../shared/errors.js';

const job = 'abcdefghijkl';
const attempt = 'map-00001.1-1';
const identity = identityOf(job, attempt);

function blockOf(rows: readonly [string, unknown][]): Block {
  const builder = new BlockBuilder();
  for (const [key, value] of rows) {
    const bytes = encodeValue(value);
    builder.reserve(bytes.length).set(bytes, builder.valueAt);
    const keyBytes = encodeKey(key);
    builder.commit(keyBytes, 0, keyBytes.length, KIND_IDS.msgpack, builder.valueAt + bytes.length, 1);
  }
  return builder.take();
}

function objectOf(
  partitions: readonly (readonly Block[])[],
  by = attempt,
): { bytes: Uint8Array; written: WrittenShuffle } {
  const pieces: Uint8Array[] = [];
  const writer = new ShuffleWriter({
    job,
    attempt: by,
    partitions: partitions.length,
    write: (bytes) => pieces.push(bytes),
  });
  partitions.forEach((blocks, partition) => blocks.forEach((block) => writer.add(partition, block)));
  const written = writer.finish();
  return { bytes: new Uint8Array(Buffer.concat(pieces)), written };
}

const blocks = [
  [
    blockOf([
      ['a', 1],
      ['b', { deep: [1, 2] }],
    ]),
    blockOf([['c', 'x']]),
  ],
  [],
  [
    blockOf([
      ['d', null],
      ['e', 2.5],
    ]),
  ],
  [blockOf([['f', 'y'.repeat(300)]])],
];
const sample = objectOf(blocks);
/** The same records, by an attempt of another task: the same index digest, another identity. */
const other = objectOf(blocks, 'map-00002.1-1');

/** Any damage to an object: bits, lengths, whole sections, and bytes of another object that are right by themselves. */
const corruption: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .tuple(fc.nat({ max: 6 }), fc.nat(), fc.nat())
  .map(([kind, first, second]) => (bytes: Uint8Array) => {
    const from = first % bytes.length;
    const end = from + 1 + (second % (bytes.length - from));
    const { indexOffset } = parseTail(bytes, identity);
    const changed = bytes.slice();
    switch (kind) {
      case 0:
        return flipped(bytes, (first * 8 + second) % (bytes.length * 8));
      case 1: // cut off
        return bytes.slice(0, from);
      case 2: // a piece is missing
        return new Uint8Array([...bytes.subarray(0, from), ...bytes.subarray(end)]);
      case 3: // never written
        return changed.fill(0, from, end);
      case 4: // swapped
        return other.bytes.slice();
      case 5: // the frames of one, the footer of the other
        changed.set(other.bytes.subarray(second % 2 === 0 ? indexOffset : bytes.length - TAIL_BYTES), indexOffset);
        return changed;
      default: // a piece of itself where it does not belong
        changed.copyWithin(second % bytes.length, from);
        return changed;
    }
  });

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

const corruptError = expect.objectContaining({ code: 'shuffle-corrupt' }) as Error;

/** As a reducer reads: tail, then index, then the frames of one partition. */
function readPartition(object: Uint8Array, partition: number): Uint8Array[] {
  const tail = parseTail(object.subarray(-TAIL_BYTES), identity, object.length);
  const index = parseIndex(object.subarray(tail.indexOffset, tail.indexOffset + tail.indexBytes), tail);
  const entry = index.partitions[partition];
  if (!entry) throw new Error('no such partition');
  const reader = new FrameReader(identity, partition);
  reader.push(object.subarray(entry.offset, entry.offset + entry.bytes));
  reader.end();
  const payloads: Uint8Array[] = [];
  for (let payload = reader.next(); payload; payload = reader.next()) payloads.push(payload);
  return payloads;
}

describe('a shuffle object', () => {
  test('says what it holds', () => {
    const index = verifyShuffleObject(sample.bytes, identity);
    expect(index.partitions.map(({ records, blocks }) => [records, blocks])).toEqual([
      [3, 2],
      [0, 0],
      [2, 1],
      [1, 1],
    ]);
    expect(sample.written).toMatchObject({ bytes: sample.bytes.length, digest: index.digest, records: 6, weight: 6 });
    const sum = index.partitions.reduce((all, entry) => BigInt.asUintN(64, all + entry.sum), 0n);
    expect(sample.written.sum).toBe(sum);
    const tail = parseTail(sample.bytes, identity);
    const keys = parseFirstKeys(sample.bytes.subarray(tail.firstKeysOffset, -TAIL_BYTES), tail, index);
    expect(keys).toEqual([[encodeKey('a'), encodeKey('c')], [], [encodeKey('d')], [encodeKey('f')]]);
  });

  test('with any single bit flipped is refused before it is decoded', () => {
    const bits = sample.bytes.length * 8;
    fc.assert(
      fc.property(fc.nat({ max: bits - 1 }), (bit) => {
        expect(() => verifyShuffleObject(flipped(sample.bytes, bit), identity)).toThrow(
          expect.objectContaining({ code: 'shuffle-corrupt' }),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('read as a reducer reads it, shows no flipped bit as data', () => {
    const bits = sample.bytes.length * 8;
    const clean = [0, 1, 2, 3].map((partition) => readPartition(sample.bytes, partition));
    fc.assert(
      fc.property(fc.nat({ max: bits - 1 }), fc.nat({ max: 3 }), (bit, partition) => {
        const broken = flipped(sample.bytes, bit);
        const tail = parseTail(sample.bytes, identity);
        const entry = parseIndex(sample.bytes.subarray(tail.indexOffset, tail.firstKeysOffset), tail).partitions[
          partition
        ];
        const at = bit >> 3;
        const inFrames = entry !== undefined && at >= entry.offset && at < entry.offset + entry.bytes;
        const inFooter =
          (at >= tail.indexOffset && at < tail.firstKeysOffset) || at >= sample.bytes.length - TAIL_BYTES;
        if (inFrames || inFooter) {
          expect(() => readPartition(broken, partition)).toThrow(expect.objectContaining({ code: 'shuffle-corrupt' }));
        } else {
          expect(readPartition(broken, partition)).toEqual(clean[partition]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('of 1,000 that are damaged in any way, shows none as data to whoever reads a partition', () => {
    const clean = [0, 1, 2, 3].map((partition) => readPartition(sample.bytes, partition));
    let refused = 0;
    fc.assert(
      fc.property(corruption, fc.nat({ max: 3 }), (corrupt, partition) => {
        const bytes = corrupt(sample.bytes);
        const isSame = Buffer.compare(bytes, sample.bytes) === 0;
        if (!isSame) expect(() => verifyShuffleObject(bytes, identity)).toThrow(corruptError);
        try {
          // What is not read may be damaged: what is read is right, or refused.
          expect(readPartition(bytes, partition)).toEqual(clean[partition]);
        } catch (error) {
          expect(error).toEqual(corruptError);
          refused++;
        }
      }),
      { numRuns: 1000, seed: 5 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  test('of another attempt is refused, though its digest is the same', () => {
    const pieces: Uint8Array[] = [];
    const writer = new ShuffleWriter({
      job,
      attempt: 'map-00001.1-2',
      partitions: 1,
      write: (bytes) => pieces.push(bytes),
    });
    const block = blockOf([['a', 1]]);
    writer.add(0, block);
    const other = writer.finish();
    const bytes = new Uint8Array(Buffer.concat(pieces));
    expect(other.digest).toBe(objectOf([[block]]).written.digest);
    expect(() => verifyShuffleObject(bytes, identity)).toThrow(expect.objectContaining({ code: 'shuffle-corrupt' }));
    const reader = new FrameReader(identity, 0);
    expect(() => reader.push(bytes)).toThrow(/of another object/);
  });

  test('cut off anywhere is refused', () => {
    for (let bytes = 0; bytes < sample.bytes.length; bytes += 7) {
      expect(() => verifyShuffleObject(sample.bytes.subarray(0, bytes), identity)).toThrow(
        expect.objectContaining({ code: 'shuffle-corrupt' }),
      );
    }
  });
});

describe('a frame reader', () => {
  const payloads = [1, 2, 3].map((n) => new Uint8Array(n * 40).fill(n));
  const stream = new Uint8Array(Buffer.concat(payloads.map((payload, i) => encodeFrame(identity, 7, i + 2, payload))));

  test('gives the same payloads however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 20 }), (cuts) => {
        const reader = new FrameReader(identity, 7, 2);
        const found: Uint8Array[] = [];
        const points = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const buffer = new Uint8Array(stream.length);
        for (let i = 1; i < points.length; i++) {
          buffer.fill(0xee);
          buffer.set(stream.subarray(points[i - 1], points[i]));
          reader.push(buffer.subarray(0, (points[i] as number) - (points[i - 1] as number)));
          for (let payload = reader.next(); payload; payload = reader.next()) found.push(payload);
        }
        reader.end();
        expect(found).toEqual(payloads);
      }),
      { numRuns: 200 },
    );
  });

  const refused: readonly [string, FrameReader, Uint8Array][] = [
    ['the wrong partition', new FrameReader(identity, 8, 2), stream],
    ['the wrong block', new FrameReader(identity, 7, 3), stream],
    ['a repeated block', new FrameReader(identity, 7, 2), new Uint8Array([...stream.subarray(0, 64), ...stream])],
    ['another identity', new FrameReader(identity + 1n, 7, 2), stream],
  ];
  test.each(refused)('refuses %s', (_name, reader, bytes) => {
    expect(() => reader.push(bytes)).toThrow(expect.objectContaining({ code: 'shuffle-corrupt' }));
    expect(() => reader.end()).toThrow(expect.objectContaining({ code: 'shuffle-corrupt' }));
  });

  test('refuses an end within a frame, and takes one between frames', () => {
    for (const bytes of [1, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 39]) {
      const reader = new FrameReader(identity, 7, 2);
      reader.push(stream.subarray(0, bytes));
      expect(() => reader.end()).toThrow(/end within a frame/);
    }
    const reader = new FrameReader(identity, 7, 2);
    reader.push(stream.subarray(0, FRAME_HEADER_BYTES + 40));
    reader.end();
    expect(reader.next()).toEqual(payloads[0]);
  });
});

describe('a block', () => {
  const block = blockOf([
    ['a', [1]],
    ['b', { x: 'y' }],
    ['c', null],
  ]);

  test('comes back as it was', () => {
    expect(decodeBlock(encodeBlock(block))).toEqual(block);
  });

  test('with any byte changed decodes or is refused, and never reads outside', () => {
    const bytes = encodeBlock(block);
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0x93, 0xc0, 0xc4, 0xdd, 0xff]) {
        const changed = bytes.slice();
        changed[at] = value;
        try {
          const { rows, keyEnds, keyBytes } = decodeBlock(changed);
          expect(keyEnds[rows - 1]).toBe(keyBytes.length);
        } catch (error) {
          expect(hasCode(error, 'block-corrupt')).toBe(true);
        }
      }
    }
  });
});
