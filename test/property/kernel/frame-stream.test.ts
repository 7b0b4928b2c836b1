/** A part of a shuffle object, read again once where it was not as it was written. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, FRAME_HEADER_BYTES, identityOf } from '../../../shared/codec/frame.js';
import { GristmillError } from '../../../shared/errors.js';
import type { ByteSource } from '../../../shared/kernel/block-source.js';
import { FrameStream } from '../../../shared/kernel/frame-stream.js';

const attempt = 'map-00003.1-1';
const identity = identityOf('job', attempt);
const partition = 2;

interface Part {
  readonly payloads: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

/** What a read gives, from an offset on, or throws. */
type Read = (from: number) => Uint8Array;

function partOf(payloads: readonly Uint8Array[]): Part {
  const frames = payloads.map((payload, i) => encodeFrame(identity, partition, i, payload));
  return { payloads, bytes: new Uint8Array(Buffer.concat(frames)) };
}

function sourceOf(read: () => Uint8Array, pieceBytes: number, onClose: () => void): ByteSource {
  let at = 0;
  return {
    next: () => {
      const piece = read().subarray(at, at + pieceBytes);
      at += piece.length;
      return piece.length === 0 ? undefined : piece.slice();
    },
    close: onClose,
  };
}

/** Reads all through a stream whose n-th read is `reads[n]`. */
function readThrough({ bytes }: Part, reads: readonly Read[], pieceBytes: number, isCopiedFirst = false) {
  const from: number[] = [];
  let closed = 0;
  const open = (offset: number) => {
    const read = reads[from.length];
    from.push(offset);
    if (!read) throw new Error('it is read once too often');
    return sourceOf(
      () => read(offset),
      pieceBytes,
      () => closed++,
    );
  };
  const object = { key: 'v1/shuffle/x', attempt, bytes: bytes.length, isCopiedFirst };
  const input = { open, identity, partition, isCounted: true, isFolded: true, object };
  const stream = new FrameStream(input, (length) => new Uint8Array(length));
  const found: Uint8Array[] = [];
  let failure: GristmillError | undefined;
  try {
    for (let payload = stream.next(); payload; payload = stream.next()) found.push(payload.slice());
  } catch (error) {
    failure = GristmillError.from(error);
  }
  return { found, failure, from, closed };
}

const payloads = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 5 });
const pieceBytes = fc.integer({ min: 1, max: 50 });

/** Changes the bytes of a part, in any way that matters to who reads them. */
const damage = fc.oneof(
  fc.nat().map((at) => (bytes: Uint8Array) => {
    const changed = bytes.slice();
    changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ (1 << (at & 7));
    return changed;
  }),
  fc.nat().map((at) => (bytes: Uint8Array) => bytes.slice(0, at % bytes.length)),
  fc.constant((bytes: Uint8Array) => new Uint8Array(bytes.length)),
  fc.constant((): Uint8Array => {
    throw new GristmillError('shuffle-missing', 'a shuffle object is gone');
  }),
);

/** The first payloads that no damage can have touched, counted by comparing bytes. */
function untouched(part: Part, damaged: () => Uint8Array): number {
  let bytes: Uint8Array;
  try {
    bytes = damaged();
  } catch {
    return 0;
  }
  let end = 0;
  const whole = part.payloads.findIndex((payload) => {
    const start = end;
    end += FRAME_HEADER_BYTES + payload.length;
    return Buffer.compare(part.bytes.subarray(start, end), bytes.subarray(start, end)) !== 0;
  });
  return whole < 0 ? part.payloads.length : whole;
}

describe('a part of a shuffle object', () => {
  test('that a second read brings as it was written is as if nothing had been, and nothing is read twice before the damage', () => {
    fc.assert(
      fc.property(payloads, damage, pieceBytes, (blocks, change, size) => {
        const part = partOf(blocks);
        const whole = (from: number) => part.bytes.subarray(from);
        const { found, failure, from, closed } = readThrough(part, [() => change(part.bytes), whole], size);
        expect(failure).toBeUndefined();
        expect(found).toEqual(blocks);
        const good = blocks.slice(
          0,
          untouched(part, () => change(part.bytes)),
        );
        expect(from).toEqual([0, good.reduce((sum, { length }) => sum + FRAME_HEADER_BYTES + length, 0)]);
        expect(closed).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  test('that is damaged twice is a fetch failure that names who wrote it, after payloads that are right', () => {
    fc.assert(
      fc.property(payloads, damage, damage, pieceBytes, (blocks, first, second, size) => {
        const part = partOf(blocks);
        // What is read again is damaged again: where it begins, so that the damage is in it.
        const again = (from: number) => second(part.bytes.subarray(from));
        const { found, failure } = readThrough(part, [() => first(part.bytes), again], size);
        expect(failure?.producers).toEqual([attempt]);
        expect(failure?.code).toMatch(/^shuffle-(missing|corrupt)$/);
        expect(failure?.message).toContain('v1/shuffle/x');
        expect(found).toEqual(blocks.slice(0, found.length));
        expect(found.length).toBeLessThan(blocks.length);
      }),
      { numRuns: 500 },
    );
  });

  test('whose copy is damaged is read twice itself, before anybody is blamed', () => {
    fc.assert(
      fc.property(payloads, fc.tuple(damage, damage, damage), pieceBytes, (blocks, [first, second, third], size) => {
        const part = partOf(blocks);
        const copy = () => first(part.bytes);
        const once = (from: number) => second(part.bytes.subarray(from));
        const good = readThrough(part, [copy, once, (from) => part.bytes.subarray(from)], size, true);
        expect(good.failure).toBeUndefined();
        expect(good.found).toEqual(blocks);
        const bad = readThrough(part, [copy, once, (from) => third(part.bytes.subarray(from))], size, true);
        expect(bad.failure?.producers).toEqual([attempt]);
        expect(bad.from).toHaveLength(3);
      }),
      { numRuns: 300 },
    );
  });

  test('is not read again when the store is away: that is no damage', () => {
    const part = partOf([new Uint8Array(9)]);
    const away = (): Uint8Array => {
      throw new GristmillError('store-unavailable', 'away');
    };
    const { failure, from } = readThrough(part, [away, away], 10);
    expect([failure?.code, failure?.producers, from]).toEqual(['store-unavailable', undefined, [0]]);
  });
});
