import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import { decodeBlock, encodeBlock, type Block } from '../../../shared/codec/block.js';
import { hex64, xxh64 } from '../../../shared/codec/checksum.js';
import { ExactSums } from '../../../shared/codec/exact-sum.js';
import { encodeFrame, FrameReader, identityOf } from '../../../shared/codec/frame.js';
import { decodeKey, encodeKey, type Key } from '../../../shared/codec/key.js';
import {encodeManifest, parseManifest} from '../../../shared/codec/manifest.js';
import { encodeStageManifest, parseStageManifest } from '../../../shared/codec/stage-manifest.js';
import { verifyShuffleObject } from '../../../shared/codec/shuffle-object.js';
import { decodeValue, encodeValue } from '../../../shared/codec/value.js';
import { zeroCounts } from '../../../shared/counts.js';
import { parseJobId } from '../../../shared/ids.js';
import { engines, type Engine } from '../../harness/engines.js';

/**
 * What is written must stay what it was: a stored byte outlives the code that wrote it. A failure here means a new
 * version of the format, not a new fixture.
 */
const job = parseJobId('abcdefghijkl');
const attempt = 'map-00000.1-1';
const identity = identityOf(job, attempt);

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const hexLines = (bytes: Uint8Array) => `${(Buffer.from(bytes).toString('hex').match(/.{1,64}/g) ?? []).join('\n')}\n`;
const fromFixture = (name: string) => new Uint8Array(Buffer.from(readFileSync(pathOf(name), 'utf8').replaceAll(/\s/g, ''), 'hex'));

const keys: readonly Key[] = [
  null,
  false,
  true,
  -Infinity,
  -1.5,
  0,
  Number.MIN_VALUE,
  1,
  1e300,
  Infinity,
  -(1n << 1008n),
  -256n,
  -255n,
  -1n,
  0n,
  1n,
  255n,
  256n,
  1n << 64n,
  1n << 1008n,
  '',
  'a',
  'a\0',
  'aa',
  'é',
  '\uffff',
  '😀',
  new Uint8Array([]),
  new Uint8Array([0, 255]),
  [],
  ['a'],
  ['a', null],
  ['a', 'b'],
  ['a\0', 1],
  [new Uint8Array([0]), -1n],
];
const values: readonly unknown[] = [
  null,
  undefined,
  true,
  127,
  128,
  65_536,
  -33,
  -129,
  -40_000,
  2 ** 32,
  0.1,
  NaN,
  1n,
  -(1n << 63n),
  (1n << 64n) - 1n,
  'é'.repeat(20),
  new Uint8Array([1, 2]),
  new Date(0),
  new Date(1_600_000_000_123),
  new Date(-1),
  [1, ['a']],
  { a: 1, b: { c: [] } },
];

const listed = (items: readonly Uint8Array[]) => `${items.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n')}\n`;

const rows = { rows: 3, keyBytes: new Uint8Array([0x50, 97, 0x50, 97, 0x50, 98, 98]), keyEnds: new Uint32Array([2, 4, 7]), layout: [] };
const ends = new Uint32Array([1, 1, 3]);
const blocks: Readonly<Record<string, Block>> = {
  'block-f64': { ...rows, kind: 'f64', values: new Uint8Array(new Float64Array([1, -2.5, NaN]).buffer), valueEnds: undefined, weights: undefined },
  'block-utf8': { ...rows, kind: 'utf8', values: new Uint8Array([120, 0xc3, 0xa9]), valueEnds: ends, weights: undefined },
  'block-bytes': { ...rows, kind: 'bytes', values: new Uint8Array([9, 8, 7]), valueEnds: ends, weights: new Float64Array([1, 2, 2 ** 40 + 3]) },
  'block-msgpack': { ...rows, kind: 'msgpack', values: new Uint8Array([0xc0, 0xc3, 0x91, 5]), valueEnds: new Uint32Array([1, 2, 4]), weights: undefined },
};

function shuffleObject(engine: Engine, aggregator: BuiltInSpec | undefined, emits: readonly (readonly [Key, unknown])[]): Uint8Array {
  const output = engine.output({ partitions: 2, aggregator, job, attempt });
  for (const [key, value] of emits) output.emit(key, value);
  output.recordDone();
  const pieces: Uint8Array[] = [];
  output.finish((bytes) => pieces.push(bytes));
  return new Uint8Array(Buffer.concat(pieces));
}

const words: readonly (readonly [Key, number])[] = [['whale', 1], ['sea', 1], ['whale', 2], ['ship', 0.5], ['sea', 1e-300], ['captain', -7]];
const named: readonly (readonly [Key, unknown])[] = [['a', 'x'], ['b', 3], ['a', 7n], ['c', -1], ['b', 'é']];
const extremes = specOfFields([['least', partSpec('min')], ['most', partSpec('max')]]);
const parts = specOfFields([['ends', extremes], ['sum', partSpec('sum')], ['n', partSpec('count')]]);
const objects = {
  'shuffle-object': (engine: Engine) => shuffleObject(engine, undefined, [...words, ...named]),
  'shuffle-object-count': (engine: Engine) => shuffleObject(engine, partSpec('count'), words),
  'shuffle-object-sum': (engine: Engine) => shuffleObject(engine, partSpec('sum'), words.filter(([, value]) => value !== 1e-300)),
  'shuffle-object-sum-wide': (engine: Engine) => shuffleObject(engine, partSpec('sum'), words),
  'shuffle-object-min': (engine: Engine) => shuffleObject(engine, partSpec('min'), words),
  'shuffle-object-max-wide': (engine: Engine) => shuffleObject(engine, partSpec('max'), named),
  'shuffle-object-parts': (engine: Engine) => shuffleObject(engine, parts, words.filter(([, value]) => value !== 1e-300)),
  'shuffle-object-parts-wide': (engine: Engine) => shuffleObject(engine, parts, words),
  'shuffle-object-ends-wide': (engine: Engine) => shuffleObject(engine, extremes, named),
} as const;

describe('byte formats stay as they are', () => {
  test('checksums', () => {
    expect(hex64(xxh64(new Uint8Array(0)))).toBe('ef46db3751d8e999');
    expect(hex64(xxh64(new TextEncoder().encode('gristmill'), 1n))).toBe('94917fef826b6eea');
    expect(hex64(identity)).toBe('09cdfab8846f7ef1');
  });

  test('keys', async () => {
    await expect(listed(keys.map(encodeKey))).toMatchFileSnapshot('keys.hex');
    const lines = readFileSync(pathOf('keys.hex'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => decodeKey(new Uint8Array(Buffer.from(line, 'hex'))))).toStrictEqual(keys);
    expect(lines).toEqual([...lines].sort());
  });

  test('values', async () => {
    await expect(listed(values.map(encodeValue))).toMatchFileSnapshot('values.hex');
    const lines = readFileSync(pathOf('values.hex'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => decodeValue(new Uint8Array(Buffer.from(line, 'hex'))))).toStrictEqual(values);
  });

  test.each(Object.entries(blocks))('%s', async (name, block) => {
    await expect(hexLines(encodeBlock(block))).toMatchFileSnapshot(`${name}.hex`);
    expect(decodeBlock(fromFixture(`${name}.hex`))).toEqual(block);
  });

  test('a frame', async () => {
    const payload = new TextEncoder().encode('payload');
    await expect(hexLines(encodeFrame(identity, 3, 4, payload))).toMatchFileSnapshot('frame.hex');
    const reader = new FrameReader(identity, 3, 4);
    reader.push(fromFixture('frame.hex'));
    expect(reader.next()).toEqual(payload);
  });

  test('sums', async () => {
    const lists = [[], [5, -7], [0.1, 0.2], [-0.5], [2 ** 94], [1e-300], [-1e300, 1], [NaN, Infinity]];
    const written = lists.map((list) => {
      const sums = new ExactSums();
      for (const value of list) sums.add(0, value);
      const target = new Uint8Array(600);
      return target.slice(0, sums.write(0, target, 0));
    });
    await expect(listed(written)).toMatchFileSnapshot('sums.hex');
    const lines = readFileSync(pathOf('sums.hex'), 'utf8').trimEnd().split('\n');
    const read = lines.map((line, i) => {
      const sums = new ExactSums();
      const bytes = new Uint8Array(Buffer.from(line, 'hex'));
      if (i < 5) sums.addFixed(0, bytes, 0);
      else sums.addWide(0, bytes, 0, bytes.length);
      return sums.finish(0);
    });
    expect(read).toEqual([0, -2, 0.1 + 0.2, -0.5, 2 ** 94, 1e-300, -1e300, NaN]);
  });

  test.each(Object.entries(objects))('%s', async (name, make) => {
    for (const engine of engines) await expect(hexLines(make(engine))).toMatchFileSnapshot(`${name}.hex`);
    const fixture = fromFixture(`${name}.hex`);
    const { partitions } = verifyShuffleObject(fixture, identity);
    const expected = name === 'shuffle-object' ? [...words, ...named] : /max|ends/.test(name) ? named : words;
    const weight = partitions.reduce((sum, entry) => sum + entry.weight, 0);
    expect(weight).toBe(['shuffle-object-sum', 'shuffle-object-parts'].includes(name) ? words.length - 1 : expected.length);
  });

  test.each(engines)('states fold to what they were made from, by $name', (engine) => {
    const folded = (name: keyof typeof objects, aggregator: BuiltInSpec) => {
      const fixture = fromFixture(`${name}.hex`);
      const found: Record<string, unknown> = {};
      verifyShuffleObject(fixture, identity).partitions.forEach((entry, partition) => {
        const bytes = fixture.subarray(entry.offset, entry.offset + entry.bytes);
        const cursor = engine.merge([{ bytes, identity, partition }], { openMax: 2, spec: aggregator });
        while (cursor.nextGroup()) found[String(cursor.key())] = cursor.foldStates();
      });
      return found;
    };
    expect(folded('shuffle-object-count', partSpec('count'))).toEqual({ whale: 2, sea: 2, ship: 1, captain: 1 });
    expect(folded('shuffle-object-sum', partSpec('sum'))).toEqual({ whale: 3, sea: 1, ship: 0.5, captain: -7 });
    expect(folded('shuffle-object-sum-wide', partSpec('sum'))).toEqual({ whale: 3, sea: 1, ship: 0.5, captain: -7 });
    expect(folded('shuffle-object-min', partSpec('min'))).toEqual({ whale: 1, sea: 1e-300, ship: 0.5, captain: -7 });
    expect(folded('shuffle-object-max-wide', partSpec('max'))).toEqual({ a: 'x', b: 'é', c: -1 });
    const of = (n: number, sum: number, least: number, most: number) => ({ ends: { least, most }, sum, n });
    const others = { whale: of(2, 3, 1, 2), ship: of(1, 0.5, 0.5, 0.5), captain: of(1, -7, -7, -7) };
    expect(folded('shuffle-object-parts', parts)).toEqual({ ...others, sea: of(1, 1, 1, 1) });
    expect(folded('shuffle-object-parts-wide', parts)).toEqual({ ...others, sea: of(2, 1, 1e-300, 1) });
    expect(folded('shuffle-object-ends-wide', extremes)).toEqual({ a: { least: 7n, most: 'x' }, b: { least: 3, most: 'é' }, c: { least: -1, most: -1 } });
  });

  test('manifests', async () => {
    const stage = { version: 1, job, stage: 'map', generation: 0, objects: [{ attempt, key: 'v1/shuffle/x', bytes: 9, digest: 'f'.repeat(16) }] } as const;
    const output = {
      version: 1,
      job,
      name: 'word-count',
      codeVersion: 'c'.repeat(64),
      complete: true,
      parts: [{ key: 'part-00000.jsonl', bytes: 10, xxh64: '0'.repeat(16), rows: 1, attempt: 'reduce-00000.1-1' }],
      counts: { ...zeroCounts, shuffledInSum: 7n, user: { seen: 2 } },
      balance: [{ name: 'rows', left: '1', right: '1', holds: true }],
      createdAtMs: 1_800_000_000_000,
    } as const;
    await expect(new TextDecoder().decode(encodeStageManifest(stage))).toMatchFileSnapshot('stage-manifest.golden');
    await expect(new TextDecoder().decode(encodeManifest(output))).toMatchFileSnapshot('manifest.golden');
    expect(parseStageManifest(readFileSync(pathOf('stage-manifest.golden')))).toEqual(stage);
    expect(parseManifest(readFileSync(pathOf('manifest.golden')))).toEqual(output);
  });
});
