/**
 * `npm run simulate -- [--seeds N] [--seed S] [--steps N]`: runs N seeds from S on, prints what was covered, and ends with 1
 * and the command that replays it when one finds a violation.
 */
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.js';
import { runFleet } from './fleet/fleet.js';
import { scenarioOf } from './fleet/scenario.js';
import { shrink } from './fleet/shrink.js';
import { runSeed } from './simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '3000' },
    trace: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const seeds = Number(values.seeds);
const steps = Number(values.steps);
const coverage = new Coverage();

for (let seed = first; seed < first + seeds; seed++) {
  const report = await runSeed({ seed, steps });
  coverage.add(report);
  if (report.violation !== undefined) {
    if (values.trace) console.log(report.trace.join('\n'));
    console.log(`VIOLATION with seed ${seed}: ${report.violation}`);
    console.log(`replay: npm run simulate -- --seed ${seed} --seeds 1 --steps ${steps} --trace`);
    process.exitCode = 1;
    break;
  }
  const { violation, happened, steps: fleetSteps } = runFleet(scenarioOf(seed));
  coverage.addFleet(fleetSteps, happened);
  if (violation !== undefined) {
    console.log(`VIOLATION with seed ${seed}: ${violation}`);
    console.log(`replay: npm run simulate -- --seed ${seed} --seeds 1`);
    const smallest = shrink(scenarioOf(seed), violation);
    console.log(`smallest: ${smallest.violation}\n${JSON.stringify(smallest.scenario)}`);
    process.exitCode = 1;
    break;
  }
}
console.log(coverage.toString());
const missing = process.exitCode === 1 || seeds < 200 ? [] : [...coverage.missing(), ...coverage.missingInFleets()];
if (missing.length > 0) {
  console.log(`NOT COVERED: ${missing.join(', ')}`);
  process.exitCode = 1;
}
