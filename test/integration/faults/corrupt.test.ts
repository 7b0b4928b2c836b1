/** Stored bytes that change behind the engine's back: no reducer decodes them, and nothing is published. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identityOf } from '../../../shared/codec/frame.js';
import { parseIndex, parseTail, TAIL_BYTES } from '../../../shared/codec/shuffle-object.js';
import { events, repository, Workplace, type Ended } from '../../harness/command.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
  mkdirSync(place.path('input'));
  place.write('input/a.txt', Array.from({ length: 300 }, (_, i) => `word${i % 37} the end\n`).join(''));
  copyFileSync(join(repository, 'test/fixtures/faults/count.ts'), place.path('count.ts'));
});
afterEach(() => place.remove());

/** One executor, held in the first reduce task, while the objects of the map stage are changed. */
async function runWith(change: (path: string) => void): Promise<Ended> {
  place.hold('reduce');
  const running = place.start(['run', 'count.ts', '--json', '--workers', '1']);
  await place.reached('reduce');
  const objects = place.files('.gristmill').filter((file) => /\/v1\/shuffle\/.*\/map-\d+\.1-1$/.test(file));
  expect(objects.length).toBeGreaterThan(0);
  change(join(place.path('.gristmill'), objects[0] ?? ''));
  place.release('reduce');
  return running.ended;
}

/** Flips the lowest bit in the middle of what the object has for its last partition. */
function flip(path: string): void {
  const [job = '', , attempt = ''] = path.split('/').slice(-3);
  const bytes = readFileSync(path);
  const tail = parseTail(bytes.subarray(-TAIL_BYTES), identityOf(job, attempt), bytes.length);
  const last = parseIndex(bytes.subarray(tail.indexOffset, tail.firstKeysOffset), tail).partitions.at(-1);
  const at = (last?.offset ?? 0) + Math.floor((last?.bytes ?? 0) / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe('a shuffle object', () => {
  test.each([
    ['with one bit flipped', flip, 'shuffle-corrupt'],
    ['that is gone', (path: string) => rmSync(path), 'shuffle-missing'],
  ] as const)('%s fails the job by name, and publishes nothing', async (_what, change, code) => {
    const { code: exitCode, stdout, stderr } = await runWith(change);
    const outcome = events(stdout).at(-1)?.['outcome'];
    expect(outcome).toMatchObject({ state: 'failed', failure: { code, class: 'fetch' }, parts: [] });
    expect(stderr).toMatch(/shuffle object.*\n?.*map-\d+\.1-1/);
    expect(exitCode).toBe(1);
    expect(place.files('out')).toEqual([]);
    expect((await place.run('run', 'count.ts', '--quiet')).code).toBe(0);
  });
});
