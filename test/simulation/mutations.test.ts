/** The simulation finds what it is there to find: each of these defects, by itself. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FleetScenario } from './fleet/scenario.js';
import { makeMutant } from './mutant.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = fileURLToPath(new URL('mutations', import.meta.url));
const SEEDS_MAX = 300;

function runMutant(patch: string) {
  const copy = makeMutant(root, readFileSync(join(folder, patch), 'utf8'));
  try {
    const args = ['scripts/run-ts.mjs', 'test/simulation/run.ts', '--seeds', String(SEEDS_MAX)];
    return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe('a mutation is found by the simulation alone', () => {
  test('there is one for each promise', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'acknowledgement-before-durable.patch',
      'attempt-id-reused-after-a-restart.patch',
      'backup-of-a-job-that-wants-none.patch',
      'backup-on-the-same-worker.patch',
      'backup-while-tasks-wait.patch',
      'backups-without-a-budget.patch',
      'counts-of-a-lost-map-kept.patch',
      'deadline-forgotten-after-a-restart.patch',
      'digest-not-compared.patch',
      'effect-before-its-record-is-durable.patch',
      'excluded-worker-goes-on.patch',
      'fenced-leader-goes-on.patch',
      'finished-tasks-requeued-at-a-death.patch',
      'last-worker-excluded.patch',
      'late-report-accepted.patch',
      'loser-goes-on.patch',
      'lost-attempt-beside-a-running-one-requeued.patch',
      'machine-fault-counted.patch',
      'manifest-kept-when-an-object-is-lost.patch',
      'manifest-of-the-old-generation-used.patch',
      'old-generation-accepted.patch',
      'partition-left-out-of-the-manifest.patch',
      'publish-before-committing.patch',
      'reducer-blamed.patch',
      'retry-where-the-task-has-failed.patch',
      'share-ignores-the-weight.patch',
      'slot-deleted-too-early.patch',
      'slot-of-a-fence-deleted.patch',
      'snapshot-before-its-slots-are-durable.patch',
      'snapshot-forgets-what-is-done.patch',
    ]);
  });

  test('a failing fleet is made as small as the defect allows', () => {
    const { stdout } = runMutant('loser-goes-on.patch');
    const [, violation, scenario] = /^smallest: (.+)\n(.+)$/m.exec(stdout) ?? [];
    expect(violation).toMatch(/goes on, though its task is won/);
    const { workers, jobs, faults } = JSON.parse(scenario ?? '{}') as FleetScenario;
    // A slow worker and another one, a task for each, and no fault at all.
    expect(workers).toHaveLength(2);
    expect(jobs).toMatchObject([{ kind: 'map-only', maps: 2, submitAtMs: 0 }]);
    expect(faults).toEqual([]);
  }, 120_000);

  test.each(readdirSync(folder).sort())(
    '%s',
    (name) => {
      const run = runMutant(name);
      expect(run.stderr).toBe('');
      expect(run.stdout).toMatch(/^VIOLATION with seed \d+: .+$/m);
      expect(run.stdout).toMatch(/^replay: npm run simulate -- --seed \d+/m);
      expect(run.status).toBe(1);
    },
    120_000,
  );
});
