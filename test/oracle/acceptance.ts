/**
 * `npm run acceptance [-- NAME ...] [--small] [--keys N] [--draws N] [--bytes N] [--rounds N] [--budget MIB]
 * [--workers N] [--tasks N] [--runs N] [--seconds N] [--seed N]`: promises about results and resources at full size, against oracles.
 * Those named run, or all but those that have a reason; `--small` takes seconds, and minutes where a promise is about time.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gristmill, machine } from '../../bench/machine.js';
import { coordinatorKills } from './acceptance/coordinator-kills.js';
import { deadWorkers } from './acceptance/dead-workers.js';
import { corruptions } from './acceptance/corruptions.js';
import { distinctKeys } from './acceptance/distinct-keys.js';
import { fairShare } from './acceptance/fair-share.js';
import { fleetWordCount } from './acceptance/fleet-word-count.js';
import { separateHosts } from './acceptance/namespaces.js';
import { oneKey } from './acceptance/one-key.js';
import { s3WordCount } from './acceptance/s3-word-count.js';
import { sizeNames, type Program, type Setting } from './acceptance/program.js';
import { restartSlots } from './acceptance/restart-slots.js';
import { shuffleRequests } from './acceptance/shuffle-requests.js';
import { slowWorker } from './acceptance/slow-worker.js';
import { soak } from './acceptance/soak.js';
import { stateOverBudget } from './acceptance/state-over-budget.js';
import { storeRaces } from './acceptance/store-races.js';
import { Verdicts } from './acceptance/verdicts.js';
import { wordCount } from './acceptance/word-count.js';

const programs: Readonly<Record<string, Program>> = {
  'word-count': wordCount,
  'distinct-keys': distinctKeys,
  'one-key': oneKey,
  'state-over-budget': stateOverBudget,
  'restart-slots': restartSlots,
  'dead-workers': deadWorkers,
  'slow-worker': slowWorker,
  'coordinator-kills': coordinatorKills,
  'fair-share': fairShare,
  corruptions,
  'shuffle-requests': shuffleRequests,
  's3-word-count': s3WordCount,
  soak,
  namespaces: separateHosts,
  'store-races': storeRaces,
  'fleet-word-count': fleetWordCount,
};

const sizes = Object.fromEntries(sizeNames.map((name) => [name, { type: 'string' }] as const));
const { values, positionals } = parseArgs({
  options: { small: { type: 'boolean' }, ...sizes },
  allowPositionals: true,
});
const given: Readonly<Record<string, string | boolean | undefined>> = values;

/** One builds an image first, and judges no time; the other is in `npm test` at a larger size than its small one. */
const isOnlyNamed = (name: string) => name === 'fleet-word-count' || (values.small === true && name === 'word-count');

function refusal(): string | undefined {
  const unknown = positionals.filter((name) => !Object.hasOwn(programs, name));
  if (unknown.length > 0) return `no program ${unknown.join(', ')}; there are: ${Object.keys(programs).join(', ')}`;
  for (const name of sizeNames) {
    const size = Number(given[name] ?? 1);
    if (!Number.isSafeInteger(size) || size < 1) return `--${name} is a whole number from 1 on`;
  }
  return existsSync(gristmill) ? undefined : 'dist/ is missing: run npm run build first';
}

async function run(name: string, program: Program): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), `gristmill-${name}-`));
  const small = values.small === true;
  const number: Setting['number'] = (size, full, few) => Number(given[size] ?? (small ? few : full));
  const verdicts = new Verdicts(name);
  try {
    await verdicts.during('all of it', () => program({ small, number, folder, verdicts }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return verdicts.allPass;
}

const refused = refusal();
if (refused === undefined) {
  console.log(machine());
  for (const [name, program] of Object.entries(programs)) {
    if (positionals.length > 0 ? !positionals.includes(name) : isOnlyNamed(name)) continue;
    if (!(await run(name, program))) process.exitCode = 1;
  }
} else {
  console.error(refused);
  process.exitCode = 2;
}
