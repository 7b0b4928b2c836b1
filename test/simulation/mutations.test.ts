/** The simulation finds what it is there to find: each of these defects, by itself. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeMutant } from './mutant.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = fileURLToPath(new URL('mutations', import.meta.url));
const SEEDS_MAX = 150;

describe('a mutation is found by the simulation alone', () => {
  test('there is one for each promise', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'acknowledgement-before-durable.patch',
      'attempt-id-reused-after-a-restart.patch',
      'counts-of-a-lost-map-kept.patch',
      'deadline-forgotten-after-a-restart.patch',
      'digest-not-compared.patch',
      'effect-before-its-record-is-durable.patch',
      'fenced-leader-goes-on.patch',
      'late-report-accepted.patch',
      'manifest-kept-when-an-object-is-lost.patch',
      'manifest-of-the-old-generation-used.patch',
      'old-generation-accepted.patch',
      'partition-left-out-of-the-manifest.patch',
      'publish-before-committing.patch',
      'reducer-blamed.patch',
      'slot-deleted-too-early.patch',
      'slot-of-a-fence-deleted.patch',
      'snapshot-before-its-slots-are-durable.patch',
      'snapshot-forgets-what-is-done.patch',
    ]);
  });

  test.each(readdirSync(folder).sort())(
    '%s',
    (name) => {
      const copy = makeMutant(root, readFileSync(join(folder, name), 'utf8'));
      try {
        const args = ['scripts/run-ts.mjs', 'test/simulation/run.ts', '--seeds', String(SEEDS_MAX)];
        const run = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
        expect(run.stderr).toBe('');
        expect(run.stdout).toMatch(/^VIOLATION with seed \d+: .+$/m);
        expect(run.stdout).toMatch(/^replay: npm run simulate -- --seed \d+/m);
        expect(run.status).toBe(1);
      } finally {
        rmSync(copy, { recursive: true });
      }
    },
    120_000,
  );
});
