/** The real scheduler, journal, leadership, committer and core, in a world that fails by seed. */
import { describe, expect, test } from 'vitest';
import { Coverage } from './coverage.js';
import { runSeed } from './simulation.js';

const STEPS_MIN = 200_000;
const STEPS_PER_SEED = 3000;

describe('simulation', () => {
  test('200,000 steps without a violation, meeting every kind of fault', async () => {
    const coverage = new Coverage();
    for (let seed = 1; coverage.steps < STEPS_MIN; seed++) {
      const report = await runSeed({ seed, steps: STEPS_PER_SEED });
      coverage.add(report);
      const replay = `npm run simulate -- --seed ${seed} --seeds 1 --steps ${STEPS_PER_SEED} --trace`;
      expect(report.violation, `seed ${seed} finds a violation; replay it by: ${replay}`).toBeUndefined();
    }
    console.log(coverage.toString());
    expect(coverage.missing()).toEqual([]);
  }, 240_000);

  test('one seed is one run, to the last step', async () => {
    const once = await runSeed({ seed: 7, steps: STEPS_PER_SEED });
    expect(await runSeed({ seed: 7, steps: STEPS_PER_SEED })).toEqual(once);
  });
});
