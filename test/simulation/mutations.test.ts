/** The simulation finds what it is there to find: each of these defects, by itself. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FleetScenario } from './fleet/scenario.js';
import { makeMutant } from './mutant.js';
import { ruleOf } from './shrinking.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = fileURLToPath(new URL('mutations', import.meta.url));
const SEEDS_MAX = 300;

type Simulate = (...flags: readonly string[]) => SpawnSyncReturns<string>;

/** Lets the simulation of a copy with the defect run, as often as `use` wants. */
function withMutant<T>(patch: string, use: (simulate: Simulate) => T): T {
  const copy = makeMutant(root, readFileSync(join(folder, patch), 'utf8'));
  try {
    return use((...flags) => {
      const args = ['scripts/run-ts.mjs', 'test/simulation/run.ts', ...flags];
      return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
    });
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
      'outgrown-forgotten-after-a-restart.patch',
      'outgrown-on-a-single-slot.patch',
      'partition-left-out-of-the-manifest.patch',
      'publish-before-committing.patch',
      'reducer-blamed.patch',
      'retry-where-the-task-has-failed.patch',
      'share-ignores-the-weight.patch',
      'slot-deleted-too-early.patch',
      'slot-of-a-fence-deleted.patch',
      'snapshot-before-its-slots-are-durable.patch',
      'snapshot-forgets-what-is-done.patch',
      'two-slots-count-one.patch',
    ]);
  });

  test('a failing fleet is made as small as the defect allows', () => {
    const { stdout } = withMutant('loser-goes-on.patch', (simulate) => simulate('--seeds', String(SEEDS_MAX)));
    const [, violation, scenario] = /^smallest: (.+)\n(.+)$/m.exec(stdout) ?? [];
    expect(violation).toMatch(/goes on, though its task is won/);
    const { workers, jobs, faults } = JSON.parse(scenario ?? '{}') as FleetScenario;
    // A slow worker and another one, a task for each, and no fault at all.
    expect(workers).toHaveLength(2);
    expect(jobs).toMatchObject([{ kind: 'map-only', maps: 2, submitAtMs: 0 }]);
    expect(faults).toEqual([]);
  }, 120_000);

  test('a failing run is made smaller, and what is printed of it breaks the same rule', () => {
    withMutant('digest-not-compared.patch', (simulate) => {
      const { stdout } = simulate('--seeds', String(SEEDS_MAX));
      const [, seed, violation = ''] = /^VIOLATION with seed (\d+): (.+)$/m.exec(stdout) ?? [];
      const [, smallest = ''] = /^smallest: (.+)$/m.exec(stdout) ?? [];
      expect(ruleOf(smallest)).toBe(ruleOf(violation));
      const sizes = /^ {2}(\d+) of (\d+) steps, \d+ of \d+ workers, \d+ of \d+ jobs, (\d+) of (\d+) faults$/m;
      const [steps = 0, stepsBefore = 0, faults = 0, faultsBefore = 0] = (sizes.exec(stdout) ?? [])
        .slice(1)
        .map(Number);
      expect(steps).toBeLessThan(stepsBefore);
      expect(faults).toBeLessThan(faultsBefore / 2);
      // Each of them is named, with its time.
      expect(stdout.match(/^ {2}step \d+, [\d.]+ ms: .+ \d+$/gm) ?? []).toHaveLength(faults);
      const [, flags = ''] = /^replay of the smallest: npm run simulate -- (.+)$/m.exec(stdout) ?? [];
      const args = [...flags.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      const again = simulate(...args);
      expect(again.stdout).toContain(`VIOLATION with seed ${seed}: ${smallest}\n`);
      expect(again.status).toBe(1);
    });
  }, 240_000);

  test.each(readdirSync(folder).sort())(
    '%s',
    (name) => {
      const run = withMutant(name, (simulate) => simulate('--seeds', String(SEEDS_MAX), '--no-shrink'));
      expect(run.stderr).toBe('');
      expect(run.stdout).toMatch(/^VIOLATION with seed \d+: .+$/m);
      expect(run.stdout).toMatch(/^replay: npm run simulate -- --seed \d+/m);
      expect(run.status).toBe(1);
    },
    120_000,
  );
});
