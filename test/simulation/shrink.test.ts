/** A failing fleet shrinks, and what is printed breaks the rule that the big one broke. */
import { expect, test } from 'vitest';
import { shrink } from './fleet/shrink.js';
import type { FleetScenario } from './fleet/scenario.js';

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

test('it is as small as it can be with the same rule broken, whatever its figures', () => {
  const { scenario: least, violation } = shrink(scenario, 'job000000002 waits 300 ms', play);
  expect(least.workers).toHaveLength(2);
  expect(least.jobs).toHaveLength(1);
  expect(least.faults).toEqual([]);
  expect(violation).toBe('job000000001 waits 200 ms');
});
