/**
 * `npm run simulate -- [--seeds N] [--seed S] [--steps N]`: runs N seeds from S on, prints what was covered, and ends with 1
 * and the command that replays it when one finds a violation. What fails is made as small as it can be, unless `--no-shrink`
 * is given. With `--faults`, `--workers` or `--jobs` it is one run with only those in it, as the smallest one was printed.
 */
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.js';
import { described, replayOf, runOf } from './failing-run.js';
import { runFleet } from './fleet/fleet.js';
import { scenarioOf } from './fleet/scenario.js';
import { shrinkFleet } from './fleet/shrink.js';
import { shrinkRun } from './shrink-run.js';
import { runSeed, type RunOptions } from './simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '3000' },
    faults: { type: 'string' },
    workers: { type: 'string' },
    jobs: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const given = runOf(values);
const isPart = given.faults !== undefined || given.workers !== undefined || given.jobs !== undefined;
const mayShrink = !values['no-shrink'] && !isPart;
const seeds = isPart ? 1 : Number(values.seeds);
const coverage = new Coverage();

async function fails(run: RunOptions): Promise<boolean> {
  const report = await runSeed(run);
  coverage.add(report);
  if (report.violation === undefined) return false;
  if (values.trace) console.log(report.trace.join('\n'));
  console.log(`VIOLATION with seed ${run.seed}: ${report.violation}`);
  console.log(`replay: ${replayOf(run)}`);
  if (mayShrink) console.log(described(await shrinkRun(run, report), report));
  return true;
}

async function fleetFails(seed: number): Promise<boolean> {
  const { violation, happened, steps } = runFleet(scenarioOf(seed));
  coverage.addFleet(steps, happened);
  if (violation === undefined) return false;
  console.log(`VIOLATION with seed ${seed}: ${violation}`);
  console.log(`replay: npm run simulate -- --seed ${seed} --seeds 1`);
  if (!mayShrink) return true;
  const { smallest, report } = await shrinkFleet(scenarioOf(seed), violation);
  console.log(`smallest: ${report.violation}\n${JSON.stringify(smallest)}`);
  return true;
}

for (let seed = given.seed; seed < given.seed + seeds; seed++) {
  if (!(await fails({ ...given, seed })) && (isPart || !(await fleetFails(seed)))) continue;
  process.exitCode = 1;
  break;
}
console.log(coverage.toString());
const missing = process.exitCode === 1 || seeds < 200 ? [] : [...coverage.missing(), ...coverage.missingInFleets()];
if (missing.length > 0) {
  console.log(`NOT COVERED: ${missing.join(', ')}`);
  process.exitCode = 1;
}
