import { describe, expect, test, vi } from 'vitest';
import { decodeText, isBlankText, parseJsonLine } from '../../../shared/formats/text.js';
import type { Plan } from '../../../shared/plan.js';
import { createRecordReader } from '../../../worker/task/record-reader.js';
import { kernel } from '../../harness/engines.js';
import { codeOf, messageOf } from './outcome.js';

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string) => new TextEncoder().encode(text);

describe('decodeText', () => {
  test.each(['', 'plain', 'Größe', '日本語', '\u{1f600}', '\ufeffmark', 'a\ufffdb', 'nul\0l'])(
    '%j comes out as it is',
    (text) => {
      const all = utf8(`<${text}>`);
      expect(decodeText(all, 1, all.length - 1)).toBe(text);
    },
  );

  test.each([
    ['a lone continuation', [0x61, 0x80], 1],
    ['an overlong slash', [0xc0, 0xaf], 0],
    ['a cut character', [0x61, 0x62, 0xe6, 0x97], 2],
    ['a surrogate', [0xed, 0xa0, 0x80], 0],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80], 0],
    ['Latin-1', [0x47, 0x72, 0xf6, 0xdf, 0x65], 2],
    ['after a replacement character', [0xef, 0xbf, 0xbd, 0xff], 3],
  ])('%s is a bad record that names the byte', (_, values, at) => {
    const all = bytes(0x2e, ...values, 0x2e);
    const decode = () => decodeText(all, 1, all.length - 1);
    expect(codeOf(decode)).toBe('record-invalid');
    expect(messageOf(decode)).toContain(`byte ${at} `);
    expect(messageOf(decode)).toContain('encoding');
  });

  test('reads memory that threads share', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    shared.set([0x61, 0xc3, 0xa4, 0xff]);
    expect(decodeText(shared, 0, 3)).toBe('aä');
    expect(codeOf(() => decodeText(shared, 0, 4))).toBe('record-invalid');
  });
});

describe('parseJsonLine', () => {
  test('takes any JSON value, and a byte order mark before it', () => {
    expect(parseJsonLine('{"a":[1,null]}\r')).toEqual({ a: [1, null] });
    expect(parseJsonLine('\ufeff1')).toBe(1);
  });

  test.each([
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['{"a":1} x', 8],
    ['nul', 0],
    ['"abc', 0],
    ['"a\\x"', 0],
    ['01', 1],
    ['', 0],
    ['{"a":', 5],
    ['[[]', 3],
    ['}', 0],
    ['NaN', 0],
    ["{'a':1}", 1],
    ['[1}', 2],
    ['{"a":1]', 6],
    ['{,}', 1],
    ['{"a":}', 5],
  ])('%s is a bad record at character %i', (line, at) => {
    expect(codeOf(() => parseJsonLine(line))).toBe('record-invalid');
    expect(messageOf(() => parseJsonLine(line))).toContain(`at character ${at}:`);
  });
});

test('a line of JSONL is decoded and parsed once', () => {
  const parse = vi.spyOn(JSON, 'parse');
  try {
    const source = { format: 'jsonl', uris: [], splitBytes: undefined, itemsPerSplit: undefined };
    const plan = { descriptor: { source } } as unknown as Plan;
    const bytes = utf8('{"a":1}\n\n[2]\n');
    const input = { uri: 'file:///x', bytes: bytes.length, end: bytes.length, etag: '' };
    const reader = createRecordReader(plan, input, { input: 0, start: 0, end: bytes.length }, kernel);
    reader.feed(bytes);
    const records: unknown[] = [];
    while (reader.next()) records.push(reader.filtered ? 'filtered' : reader.record);
    expect(records).toEqual([{ a: 1 }, 'filtered', [2]]);
    expect(parse.mock.calls).toEqual([['{"a":1}'], ['[2]']]);
  } finally {
    parse.mockRestore();
  }
});

test('a line is blank when it is white space alone', () => {
  for (const blank of ['', ' ', '\t \r']) expect(isBlankText(blank)).toBe(true);
  expect(isBlankText('x  x')).toBe(false);
  expect(isBlankText(' 0 ')).toBe(false);
});
