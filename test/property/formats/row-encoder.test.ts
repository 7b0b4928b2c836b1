import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowEncoder } from '../../../shared/formats/row-encoder.js';
import { jsonErrorAt } from '../../../shared/formats/json-position.js';
import { RowWriter } from '../../../shared/formats/row-writer.js';
import { decodeText, parseJsonLine } from '../../../shared/formats/text.js';
import { codeOf } from '../../unit/formats/outcome.js';

const encode = createRowEncoder('jsonl');
const text = fc.string({ unit: 'binary' });
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  text,
);
const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** Values with what JSON lacks, beside what a reader finds in their place. */
const special = fc.letrec<{ value: [unknown, unknown] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar.map((value): [unknown, unknown] => [value, Object.is(value, -0) ? 0 : value]),
    fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }).map((n): [unknown, unknown] => [n, Number(n)]),
    fc.date({ noInvalidDate: true }).map((date): [unknown, unknown] => [date, date.toISOString()]),
    fc.uint8Array({ maxLength: 20 }).map((b): [unknown, unknown] => [b, Buffer.from(b).toString('base64')]),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((pairs): [unknown, unknown] => [pairs.map(([value]) => value), pairs.map(([, read]) => read)]),
    fc
      .array(fc.tuple(text, fc.option(tie('value'), { freq: 4 })), { maxLength: 4 })
      .map((fields): [unknown, unknown] => [
        Object.fromEntries(fields.map(([key, pair]) => [key, pair?.[0]])),
        Object.fromEntries(
          // A later field of the same name replaces an earlier one, also when it is undefined.
          Object.entries(Object.fromEntries(fields.map(([key, pair]) => [key, pair]))).flatMap(([key, pair]) =>
            pair === null ? [] : [[key, pair[1]]],
          ),
        ),
      ]),
  ),
})).value;

describe('a JSONL row', () => {
  test('of plain data is what JSON.stringify writes', () => {
    fc.assert(
      fc.property(plain, (row) => {
        expect(encode(row)).toBe(JSON.stringify(row));
      }),
      { numRuns: 500 },
    );
  });

  test('reads back by JSON.parse, with bigint, dates, bytes and undefined in it', () => {
    fc.assert(
      fc.property(special, ([row, read]) => {
        const line = encode(row);
        expect(line).not.toContain('\n');
        expect(JSON.parse(line)).toEqual(read);
      }),
      { numRuns: 500 },
    );
  });

  test('with one bad value anywhere is refused', () => {
    const bad = fc.constantFrom<unknown>(
      NaN,
      Infinity,
      -Infinity,
      'a\ud800',
      '\udc00',
      Symbol('s'),
      () => 1,
      new Map(),
      new Date(NaN),
    );
    const around = fc.array(fc.oneof(fc.constant('array'), text), { maxLength: 5 });
    fc.assert(
      fc.property(bad, around, plain, (value, path, neighbour) => {
        const row = path.reduce<unknown>(
          (inner, step) => (step === 'array' ? [neighbour, inner, 1n] : { a: neighbour, [`x${step}`]: inner }),
          value,
        );
        expect(codeOf(() => encode(row))).toBe('row-invalid');
      }),
      { numRuns: 300 },
    );
  });
});

describe('RowWriter', () => {
  test('writes what a line reader reads, whatever the block size', () => {
    fc.assert(
      fc.property(fc.array(special, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), (pairs, blockBytes) => {
        const blocks: Buffer[] = [];
        const writer = new RowWriter('jsonl', (block) => blocks.push(Buffer.from(block)), blockBytes);
        for (const [row] of pairs) writer.emit(row);
        writer.flush();
        const bytes = Buffer.concat(blocks);
        const rows: unknown[] = [];
        for (let start = 0; start < bytes.length;) {
          const end = bytes.indexOf(0x0a, start);
          rows.push(parseJsonLine(decodeText(bytes, start, end)));
          start = end + 1;
        }
        expect(rows).toEqual(pairs.map(([, read]) => read));
        expect(writer).toMatchObject({ rows: pairs.length, rowsWritten: pairs.length, bytesWritten: bytes.length });
      }),
      { numRuns: 200 },
    );
  });
});

describe('text', () => {
  test('bytes decode exactly when a strict decoder takes them, to the same text', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      text.map((value) => new TextEncoder().encode(value)),
      fc
        .array(fc.constantFrom(0x41, 0xc3, 0xa4, 0xef, 0xbf, 0xbd, 0xed, 0xa0, 0xf0, 0x9f), { maxLength: 8 })
        .map((b) => Uint8Array.from(b)),
    );
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(some, (bytes) => {
        let expected: string | undefined;
        try {
          expected = strict.decode(bytes);
        } catch {
          expected = undefined;
        }
        if (expected === undefined) expect(codeOf(() => decodeText(bytes, 0, bytes.length))).toBe('record-invalid');
        else expect(decodeText(bytes, 0, bytes.length)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('a line that JSON.parse refuses is a bad record whose place lies in it; others read the same', () => {
    const line = fc
      .tuple(plain, fc.nat(), fc.constantFrom('', ',', '}', ']', '"', 'x', '1', ':', '\\'))
      .map(([value, at, what]) => {
        const json = JSON.stringify(value);
        const place = at % (json.length + 1);
        return json.slice(0, place) + what + json.slice(place + (at % 2));
      });
    fc.assert(
      fc.property(line, (json) => {
        let expected: { readonly value: unknown } | undefined;
        try {
          expected = { value: JSON.parse(json) as unknown };
        } catch {
          expected = undefined;
        }
        if (expected !== undefined) {
          expect(parseJsonLine(json)).toEqual(expected.value);
          return;
        }
        try {
          parseJsonLine(json);
          expect.unreachable();
        } catch (thrown) {
          const at = Number(/at character (\d+):/.exec((thrown as Error).message)?.[1]);
          expect(at).toBeLessThanOrEqual(json.length);
          expect((thrown as { code: string }).code).toBe('record-invalid');
          // What comes before that place is not what is wrong.
          expect(jsonErrorAt(json.slice(0, at))).toBe(at);
        }
      }),
      { numRuns: 500 },
    );
  });
});
