/** What fails shrinks, and what is printed breaks the rule that the big one broke. */
import { parseArgs } from 'node:util';
import { expect, test } from 'vitest';
import { replayOf, runOf } from './failing-run.js';
import { shrinkFleet } from './fleet/shrink.js';
import type { FleetScenario } from './fleet/scenario.js';
import { shrinkRun, type Report } from './shrink-run.js';
import { ruleOf } from './shrinking.js';
import type { RunOptions } from './simulation.js';

const scenario: FleetScenario = {
  seed: 1,
  workers: [1, 1, 30].map((slowness) => ({ slots: 1, slowness, tells: true })),
  jobs: [1, 8].map((maps) => ({
    kind: 'map-only',
    maps,
    partitions: 1,
    taskMs: 100,
    weight: 1,
    submitAtMs: 0,
    speculate: true,
  })),
  faults: [{ kind: 'cut', worker: 0, atMs: 5, lastsMs: 100 }],
};

/** As if a fleet broke the rule for as long as it has two workers, and another one with fewer. */
function play({ workers, jobs }: FleetScenario) {
  const violation =
    workers.length > 1 ? `job00000000${jobs.length} waits ${100 * workers.length} ms` : 'there is one worker only';
  return { violation };
}

test('a fleet is as small as it can be with the same rule broken, whatever its figures', async () => {
  const { smallest, report } = await shrinkFleet(scenario, 'job000000002 waits 300 ms', play);
  expect(smallest.workers).toHaveLength(2);
  expect(smallest.jobs).toHaveLength(1);
  expect(smallest.faults).toEqual([]);
  expect(report.violation).toBe('job000000001 waits 200 ms');
});

const kinds = ['leader freezes', 'message delayed', 'report late'];
const names = Array.from({ length: 60 }, (_, i) => `${kinds[i % 3]} ${1 + Math.floor(i / 3)}`);
let plays = 0;

/** As if a run broke the rule for as long as two of its faults strike while there is a worker and job 3; it fails at step 70. */
function playRun({ steps, faults = names, workers = [0, 1, 2], jobs = [0, 1, 2, 3] }: RunOptions): Report {
  plays++;
  const struck = faults.map((name, i) => ({ name, kind: name.replace(/ \d+$/, ''), atMs: i, step: i }));
  const isThere = ['leader freezes 7', 'report late 3'].every((name) => faults.includes(name));
  const fails = isThere && steps >= 70 && jobs.includes(3);
  const violation = fails ? `part ${faults.length} of out/${steps}/ is {"key":0}\n, not ` : undefined;
  return { violation, steps: fails ? 70 : steps, struck, workers, jobs };
}

test('a run is as small as it can be, in steps, faults, workers and jobs', async () => {
  const failing = { seed: 1, steps: 3000 };
  plays = 0;
  const { smallest, report } = await shrinkRun(failing, playRun(failing), playRun);
  expect(smallest.steps).toBe(70);
  expect(smallest.faults).toEqual(['report late 3', 'leader freezes 7']);
  expect(smallest.workers).toHaveLength(1);
  expect(smallest.jobs).toEqual([3]);
  expect(report.violation).toBe('part 2 of out/70/ is {"key":0}\n, not ');
  // Far fewer than there are subsets, or pairs, of the faults.
  expect(plays).toBeLessThan(120);
});

test('what is printed of a run plays it again', () => {
  const run = {
    seed: 7,
    steps: 812,
    workers: [0, 2],
    jobs: [1],
    faults: ['stream broken, messages lost 2', 'report late 1'],
  };
  const [, flags = ''] = /^npm run simulate -- (.*) --trace$/.exec(replayOf(run)) ?? [];
  const args = [...flags.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const options = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: { seed: options, seeds: options, steps: options, workers: options, jobs: options, faults: options },
  });
  expect(runOf({ ...values, seed: values.seed ?? '', steps: values.steps ?? '' })).toEqual(run);
  expect(runOf({ seed: '7', steps: '812', faults: '' }).faults).toEqual([]);
});

test('a rule is known again whatever the figures, names, ids and states in its message', () => {
  expect(ruleOf('map-00001.2-3 wins after map-00001.1-1 has won')).toBe(
    ruleOf('inspect.1-2 wins after inspect.1-1 has won'),
  );
  expect(ruleOf('abcdefghijkl is completed without its part-00000.jsonl')).toBe(
    ruleOf('a1b2c3d4e5f6 is completed without its part-00003.csv'),
  );
  expect(ruleOf('the healed world does not come to rest: abc4efghijkl validating')).toBe(
    ruleOf('the healed world does not come to rest: abc4efghijkl completed, q2cdefghijkl queued'),
  );
  expect(ruleOf('slot 7 was deleted too early')).not.toBe(ruleOf('slot 7 was deleted, in which a leader began'));
});
