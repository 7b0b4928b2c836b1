/** Lines found and decoded by the kernel, block by block, against the same bytes taken line by line. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../../shared/errors.js';
import { decodeText } from '../../../shared/formats/text.js';
import { LineScanner } from '../../../shared/kernel/scan.js';
import { TextBlock } from '../../../shared/kernel/text-block.js';
import { kernel } from '../../harness/engines.js';

type Line = readonly [offset: number, text: string];

/** A line that is no UTF-8 is refused, and the next one follows. */
function lineOf(decode: () => string): string {
  try {
    return decode();
  } catch (error) {
    if (!hasCode(error, 'record-invalid')) throw error;
    return `refused: ${(error as Error).message}`;
  }
}

/** Pushes `bytes` in chunks, and takes what `take` finds after each. */
function scanned(bytes: Uint8Array, start: number, end: number, chunk: number, take: (scanner: LineScanner) => void) {
  const scanner = new LineScanner(start, end);
  for (let at = scanner.feedFrom; at < bytes.length && !scanner.done; at += chunk) {
    scanner.push(bytes.slice(at, at + chunk));
    take(scanner);
  }
  scanner.finish();
  take(scanner);
}

function oneByOne(scanner: LineScanner, lines: Line[]): void {
  while (scanner.next()) {
    lines.push([scanner.offset, lineOf(() => decodeText(scanner.bytes, scanner.start, scanner.end))]);
  }
}

const block = new TextBlock(kernel);

/** Whole lines by the block where there are any, as a map task does it. */
function byBlock(scanner: LineScanner, lines: Line[], blockBytes: number): void {
  for (;;) {
    const whole = scanner.wholeLines(blockBytes);
    if (whole) {
      block.take(scanner.chunk, whole.start, whole.end, whole.offset);
      while (block.more) {
        const offset = block.nextOffset;
        lines.push([offset, lineOf(() => block.next())]);
      }
    } else if (scanner.next()) {
      lines.push([scanner.offset, lineOf(() => decodeText(scanner.bytes, scanner.start, scanner.end))]);
    } else {
      return;
    }
  }
}

const utf8 = (text: string) => [...Buffer.from(text)];
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'the whale ', '', 'x'.repeat(63), 'y'.repeat(64), '\0', '\x7f').map(utf8),
  },
  { weight: 4, arbitrary: fc.constantFrom('\n', '\r\n', '\n\n', '\r', '\r\r\n').map(utf8) },
  { weight: 1, arbitrary: fc.constantFrom('é', '😀', '\ufeff', '\ufffd', '\u2028', 'ß'.repeat(40)).map(utf8) },
  {
    weight: 1,
    arbitrary: fc.constantFrom([0xff], [0xc3], [0xed, 0xa0, 0x80], [0x80, 0x80], [0xf0, 0x9f], [0xc0, 0x8a]),
  },
);
/** Characters of one byte in Latin-1, the first and the last of two bytes, and now and then what only looks like one of them. */
const latin = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('\n', '\r\n').map(utf8) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom('a', 'naïve', '\u0080', '\u00bf', '\u00c0', 'ÿ', 'é'.repeat(17), 'x'.repeat(15))
      .map(utf8),
  },
  { weight: 1, arbitrary: fc.constantFrom(utf8('Ā'), utf8('ș'), [0xc2], [0xc1, 0xbf], [0xc3, 0xc0]) },
);
const ascii = fc.constantFrom('a', 'bc', '\n', '\r\n', '', '-'.repeat(70)).map(utf8);
const text = fc
  .oneof(...[piece, ascii, latin].map((pieces) => fc.array(pieces, { maxLength: 60 })))
  .map((pieces) => Uint8Array.from(pieces.flat()));

describe('lines of a block of text', () => {
  test('are those that a scanner and the strict decoder give one by one, wherever splits and chunks are cut', () => {
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        (bytes, chunk, blockBytes) => {
          for (let cut = 0; cut <= bytes.length; cut += 1 + (bytes.length >> 5)) {
            const expected: Line[] = [];
            const found: Line[] = [];
            for (const [start, end] of [
              [0, cut],
              [cut, bytes.length],
            ] as const) {
              // prettier-ignore
              scanned(bytes, start, end, chunk, (scanner) => oneByOne(scanner, expected));
              scanned(bytes, start, end, chunk, (scanner) => byBlock(scanner, found, blockBytes));
            }
            expect(found).toEqual(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('come exactly once for every cut of one text into two splits', () => {
    const bytes = Uint8Array.from([...utf8('\ufeffé1\r\n\n\r\nlast of😀\n'), 0xff, ...utf8('\nx\ny\r\n\ufeff\nend')]);
    const whole: Line[] = [];
    scanned(bytes, 0, bytes.length, 1000, (scanner) => oneByOne(scanner, whole));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const found: Line[] = [];
      for (const [start, end] of [
        [0, cut],
        [cut, bytes.length],
      ] as const) {
        // prettier-ignore
        scanned(bytes, start, end, 7 + (cut % 20), (scanner) => byBlock(scanner, found, 64));
      }
      expect(found).toEqual(whole);
    }
  });

  test('are found in a piece of the largest size, with a newline for each byte, and with none but the last', () => {
    const most = kernel.textBytesMax;
    const newlines = new Uint8Array(most).fill(10);
    block.take(newlines, 0, most, 5);
    let lines = 0;
    let characters = 0;
    for (; block.more; lines++) characters += block.next().length;
    expect([lines, characters, block.nextOffset]).toEqual([most, 0, 5 + most]);
    const long = new Uint8Array(most).fill(120);
    long[most - 1] = 10;
    block.take(long, 0, most, 0);
    expect(block.next()).toBe('x'.repeat(most - 1));
    expect(block.more).toBe(false);
  });

  test('of one byte each are written one after the other, and lines of others are left out, up to as many as may be', () => {
    const { bytes, exports, textAt, linesAt, narrowAt, narrowEndsAt } = kernel;
    const lines = ['naïve\n', 'Ā\n', 'ÿ\r\n', [0xc3, 10], 'e\u0301\n', `${'é'.repeat(20)}\n`, '\n'].map((line) =>
      typeof line === 'string' ? utf8(line) : line,
    );
    const all = lines.flat();
    bytes.set(all, textAt);
    expect(exports.scanLines(textAt, all.length, linesAt)).toBe(lines.length);
    expect(exports.narrowLines(textAt, linesAt, lines.length, narrowAt, narrowEndsAt, lines.length)).toBe(3);
    const left = -(2 ** 31);
    const ends = [6, left + 6, 9, left + 9, left + 9, 30, 31];
    expect([...new Int32Array(kernel.memory.buffer, narrowEndsAt, lines.length)]).toEqual(ends);
    expect(Buffer.from(bytes.subarray(narrowAt, narrowAt + 31)).toString('latin1')).toBe(
      `naïve\nÿ\r\n${'é'.repeat(20)}\n\n`,
    );
    expect(exports.narrowLines(textAt, linesAt, lines.length, narrowAt, narrowEndsAt, 1)).toBe(2);
  });

  test('of one byte each have room in a piece of the largest size, and nothing is written behind it', () => {
    const most = kernel.textBytesMax;
    const behind = kernel.bytes.subarray(kernel.start, kernel.start + 64);
    behind.fill(0xa5);
    const line = 'é'.repeat(most / 2 - 1);
    for (const [whole, expected] of [
      ['é\n'.repeat(Math.floor(most / 3)), { lines: Math.floor(most / 3), first: 'é' }],
      [`${line}\n`, { lines: 1, first: line }],
      [`é\n${'\n'.repeat(most - 3)}`, { lines: most - 2, first: 'é' }],
    ] as const) {
      const piece = Buffer.from(whole);
      block.take(piece, 0, piece.length, 0);
      const first = block.next();
      let lines = 1;
      for (; block.more; lines++) block.next();
      expect({ lines, first }).toEqual(expected);
    }
    expect([...behind]).toEqual(Array.from({ length: 64 }, () => 0xa5));
  });
});
