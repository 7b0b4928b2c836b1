/** The ring with its two real threads: a merge of many sources through few buffers, at every skew. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityOf } from '../../../shared/codec/frame.js';
import { mergeGroups } from '../../../shared/kernel/group-cursor.js';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import { ioThread } from './io-thread.js';
import { kernel } from '../../harness/engines.js';
import { indexOf, shuffleObject, type Emits, type ShuffleObject } from '../../harness/shuffle.js';

const SOURCES = 200;
const folder = mkdtempSync(join(tmpdir(), 'gristmill-ring-'));
const scratchDir = join(folder, 'scratch');
mkdirSync(scratchDir);
const store = new DirectoryStore(folder);

const skews: Readonly<Record<string, (source: number) => Emits>> = {
  'all sources alike': (s) => numbered(300, (i) => `k${String(i).padStart(6, '0')}`, s),
  'one source after the other': (s) =>
    numbered(300, (i) => `s${String(s).padStart(4, '0')}-${String(i).padStart(6, '0')}`, s),
  'one source with nearly everything': (s) =>
    numbered(s === 77 ? 40_000 : 3, (i) => `k${String(i).padStart(6, '0')}`, s),
  'every source of another length': (s) => numbered(s * 7, (i) => `k${String((i * 31) % 5000).padStart(6, '0')}`, s),
  'all keys equal': (s) => numbered(100, () => 'same', s),
};

function numbered(count: number, key: (i: number) => string, source: number): Emits {
  return Array.from({ length: count }, (_, i) => [key(i), source * 1_000_000 + i] as const);
}

/** The plain reference: every emit, by key, stable in (source, position). */
function reference(maps: readonly Emits[]): (readonly [unknown, unknown])[] {
  return maps.flat().sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : String(a[0]) > String(b[0]) ? 1 : 0));
}

async function through(openMax: number, buffersIn: number, objects: readonly ShuffleObject[], skew: string) {
  const shape = { bufferBytes: 4096, buffersIn, bufferOutBytes: 8192, buffersOut: 2, sourcesMax: openMax };
  const { io, ended, terminate } = await ioThread(shape, folder, scratchDir);
  try {
    const inputs = objects.map((object, i) => {
      const { offset, bytes } = indexOf(object).partitions[0]!;
      const key = keyOf(skew, i);
      const { attempt } = object;
      const open = (from: number) => io.openBytes({ kind: 'shuffle', key, offset: offset + from, bytes: bytes - from });
      const identity = identityOf('job', attempt);
      return { open, identity, partition: 0, isCounted: true, isFolded: false, object: { key, attempt, bytes } };
    });
    const groups = mergeGroups({ kernel, memoryBytes: 2 ** 28, inputs, openMax, scratch: io });
    const found: (readonly [unknown, unknown])[] = [];
    while (groups.nextGroup()) while (groups.nextValue()) found.push([groups.key(), groups.value()]);
    return found;
  } finally {
    await ended();
    await terminate();
    expect(readdirSync(scratchDir)).toEqual([]);
  }
}

const keyOf = (skew: string, i: number) => `${skew.replaceAll(' ', '-')}/${i}`;
const made = new Map<string, { maps: Emits[]; objects: ShuffleObject[] }>();

beforeAll(async () => {
  for (const [skew, emits] of Object.entries(skews)) {
    const maps = Array.from({ length: SOURCES }, (_, source) => emits(source));
    const objects = maps.map((pairs, i) => shuffleObject({ partitions: 1, attempt: `map-${i}.1-1` }, pairs));
    for (const [i, object] of objects.entries()) await store.put(keyOf(skew, i), object.bytes, { durable: false });
    made.set(skew, { maps, objects });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a merge of 200 sources through the ring', () => {
  test.each(Object.keys(skews))('%s: equals a plain sort with 16 buffers', async (skew) => {
    const { maps, objects } = made.get(skew)!;
    expect(await through(16, 16, objects, skew)).toEqual(reference(maps));
  });

  test('gives the same with a buffer for each source', async () => {
    const { maps, objects } = made.get('every source of another length')!;
    expect(await through(SOURCES, SOURCES, objects, 'every source of another length')).toEqual(reference(maps));
  });

  test('a missing object is an error at the reader, not a hang', async () => {
    const { objects } = made.get('all keys equal')!;
    await expect(through(16, 16, objects, 'never written')).rejects.toThrow(/shuffle object is gone/);
  });
});
