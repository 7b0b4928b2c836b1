import { describe, expect, test } from 'vitest';
import { encodeManifest, parseManifest, type OutputManifest } from '../../../shared/codec/manifest.js';
import { encodeStageManifest, parseStageManifest } from '../../../shared/codec/stage-manifest.js';
import { addCounts, balance, zeroCounts } from '../../../shared/counts.js';
import { parseJobId } from '../../../shared/ids.js';
import type { StageManifest } from '../../../shared/plan.js';

const job = parseJobId('abcdefghijkl');
const counts = {
  ...zeroCounts,
  recordsRead: 3,
  recordsMapped: 3,
  shuffledOutSum: (1n << 64n) - 1n,
  shuffledInSum: 5n,
  user: { b: 1.5, a: 2, '10': 3, '9': -4 },
};
const manifest: OutputManifest = {
  version: 1,
  job,
  name: 'word-count — é',
  codeVersion: 'f'.repeat(64),
  complete: false,
  limit: 3,
  parts: [{ key: 'part-00000.jsonl', bytes: 12, xxh64: '00000000deadbeef', rows: 2, attempt: 'reduce-00000.1-1' }],
  counts,
  balance: balance(counts, 'reduce'),
  params: { words: ['a', { b: 0.1 }], none: null },
  createdAtMs: 1_800_000_000_000,
};
const stage: StageManifest = {
  version: 1,
  job,
  stage: 'map',
  generation: 2,
  objects: [
    { attempt: 'map-00000.1-1', key: `v1/shuffle/${job}/ab/map-00000.1-1`, bytes: 99, digest: '0123456789abcdef' },
  ],
};

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);

describe('manifests', () => {
  test('come back as they were', () => {
    expect(parseManifest(encodeManifest(manifest))).toStrictEqual(manifest);
    expect(parseStageManifest(encodeStageManifest(stage))).toStrictEqual(stage);
    const { limit: _limit, params: _params, ...least } = manifest;
    expect(parseManifest(encodeManifest(least))).toStrictEqual(least);
  });

  test('carry later counts only when there is something to count, so that earlier manifests stay readable', () => {
    expect(text(encodeManifest(manifest))).not.toMatch(/inexact|bytesSpilled/);
    const more = { ...manifest, counts: { ...counts, inexact: 2, bytesSpilled: 7 } };
    expect(parseManifest(encodeManifest(more))).toStrictEqual(more);
    expect(parseManifest(encodeManifest({ ...more, counts: { ...counts, inexact: 2 } })).counts).toMatchObject({
      inexact: 2,
      bytesSpilled: 0,
    });
  });

  test('add up with counts that were stored before there were later ones', () => {
    const { inexact: _inexact, bytesSpilled: _bytesSpilled, ...stored } = counts;
    const sum = addCounts({ ...zeroCounts, inexact: 1 }, stored as typeof counts);
    expect(sum).toMatchObject({ inexact: 1, bytesSpilled: 0, recordsRead: 3 });
  });

  test('may be laid out anew, and not changed', () => {
    const document = JSON.parse(text(encodeManifest(manifest))) as Record<string, unknown>;
    const reversed = Object.fromEntries(Object.entries(document).reverse());
    expect(parseManifest(bytes(JSON.stringify(reversed)))).toEqual(manifest);
    expect(() => parseManifest(bytes(JSON.stringify({ ...document, complete: true })))).toThrow(
      /its checksum is wrong/,
    );
    expect(() => parseManifest(bytes(JSON.stringify({ ...document, more: 1 })))).toThrow(/its checksum is wrong/);
  });

  test('with any byte of their text changed are refused', () => {
    const written = encodeStageManifest(stage);
    for (let at = 0; at < written.length - 1; at++) {
      const changed = written.slice();
      changed[at] = (changed[at] as number) ^ 0x04;
      expect(() => parseStageManifest(changed)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
    }
  });

  const wrong: readonly [string, object, RegExp][] = [
    ['another version', { version: 2 }, /manifest\.version must be 1/],
    ['a missing name', { name: undefined }, /manifest\.name must be a string/],
    [
      'a negative size',
      { parts: [{ ...manifest.parts[0], bytes: -1 }] },
      /manifest\.parts\[0\]\.bytes must be an integer/,
    ],
    ['a short checksum', { parts: [{ ...manifest.parts[0], xxh64: 'ff' }] }, /parts\[0\]\.xxh64 must be 16 hex digits/],
    ['parts that are no list', { parts: {} }, /manifest\.parts must be a list/],
    [
      'a law without outcome',
      { balance: [{ name: 'x', left: '1', right: '1' }] },
      /balance\[0\]\.holds must be a boolean/,
    ],
    ['counts that lack one', { counts: { ...counts, rows: undefined } }, /manifest\.counts\.rows must be an integer/],
  ];
  test.each(wrong)('%s is refused with its path', (_name, change, message) => {
    const changed = encodeManifest({ ...manifest, ...change });
    expect(() => parseManifest(changed)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
    expect(() => parseManifest(changed)).toThrow(message);
  });

  test.each(['', 'x', '[]', 'null', '{}', '\u00ff{'])('%j is refused', (content) => {
    expect(() => parseManifest(bytes(content))).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
  });

  test('with a wrong job are refused', () => {
    const changed = encodeStageManifest({ ...stage, job: 'X' as typeof job });
    expect(() => parseStageManifest(changed)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
  });
});
