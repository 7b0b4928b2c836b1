import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineScanner } from '../../../shared/kernel/scan.js';

interface Line {
  readonly offset: number;
  readonly text: string;
}

/** The reference: the whole text at once, as latin1 so that a byte is a character. */
function linesOf(bytes: Uint8Array): Line[] {
  const text = Buffer.from(bytes).toString('latin1');
  const pieces = text.split('\n');
  const lines: Line[] = [];
  let offset = 0;
  pieces.forEach((piece, i) => {
    const content = i === 0 && piece.startsWith('\xef\xbb\xbf') ? piece.slice(3) : piece;
    const isRest = i === pieces.length - 1;
    if (!isRest || content !== '') lines.push({ offset, text: content.replace(/\r$/, '') });
    offset += piece.length + 1;
  });
  return lines;
}

/** Scans a split, cutting what it is fed at `cuts`; every chunk is overwritten once it was used. */
function scan(bytes: Uint8Array, start: number, end: number, cuts: readonly number[]): Line[] {
  const scanner = new LineScanner(start, end);
  const lines: Line[] = [];
  const take = () => {
    while (scanner.next()) {
      const text = Buffer.from(scanner.bytes.subarray(scanner.start, scanner.end)).toString('latin1');
      lines.push({ offset: scanner.offset, text });
    }
  };
  const points = [...new Set([...cuts.filter((cut) => cut > scanner.feedFrom), bytes.length])].sort((a, b) => a - b);
  let at = scanner.feedFrom;
  for (const point of points) {
    if (scanner.done || point <= at) break;
    const chunk = bytes.slice(at, point);
    scanner.push(chunk);
    take();
    chunk.fill(0x21);
    at = point;
  }
  if (!scanner.done) {
    scanner.finish();
    take();
  }
  expect(scanner.done).toBe(true);
  return lines;
}

const piece = fc.constantFrom(
  ...['\n', '\r\n', '\r', 'a', 'bc', '\xef\xbb\xbf', '\xef\xbb', 'long line ', '\n\n'].map((text) => [
    ...Buffer.from(text, 'latin1'),
  ]),
);
const input = fc.array(piece, { maxLength: 30 }).map((pieces) => Uint8Array.from(pieces.flat()));
const offsets = fc.array(fc.nat({ max: 120 }), { maxLength: 8 });

describe('lines', () => {
  test('come exactly once, whatever the splits and however the bytes arrive', () => {
    fc.assert(
      fc.property(input, offsets, offsets, (bytes, bounds, cuts) => {
        const points = [0, ...bounds.filter((bound) => bound <= bytes.length).sort((a, b) => a - b), bytes.length];
        const found = points.slice(1).flatMap((end, i) => scan(bytes, points[i] as number, end, cuts));
        expect(found).toEqual(linesOf(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test('are owned by the split that holds their first byte', () => {
    fc.assert(
      fc.property(input, fc.nat({ max: 60 }), fc.nat({ max: 60 }), offsets, (bytes, a, b, cuts) => {
        const start = Math.min(a, b, bytes.length);
        const end = Math.min(Math.max(a, b), bytes.length);
        const owned = linesOf(bytes).filter(({ offset }) => offset >= start && offset < end);
        expect(scan(bytes, start, end, cuts)).toEqual(owned);
      }),
      { numRuns: 2000 },
    );
  });

  test('over the limit are refused with their offset, and the next one follows', () => {
    for (const size of [1, 3, 1000]) {
      const scanner = new LineScanner(0, 100, { recordBytesMax: 5, uri: 'file:/x' });
      const found: string[] = [];
      const text = Buffer.from('ab\n1234567\ncd\n12345\n123456');
      for (let at = 0; at < text.length; at += size) {
        scanner.push(text.subarray(at, at + size));
        drain(scanner, found);
      }
      scanner.finish();
      drain(scanner, found);
      expect(found).toEqual(['ab', 'file:/x:3', 'cd', '12345', 'file:/x:20']);
    }
  });
});

function drain(scanner: LineScanner, found: string[]): void {
  for (;;) {
    try {
      if (!scanner.next()) return;
      found.push(Buffer.from(scanner.bytes.subarray(scanner.start, scanner.end)).toString());
    } catch (error) {
      expect(error).toMatchObject({ code: 'record-too-large' });
      found.push((error as { where: string }).where);
    }
  }
}
