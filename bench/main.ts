/**
 * `npm run bench [-- NAME ...] [--smoke] [--bytes N] [--rows N] [--rounds N]`: all benchmarks, or those named. `--smoke` is
 * a small run of each for CI; the other options change the size of what is generated and how often all contenders run.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { groupBy } from './group-by.js';
import { gristmill, machine } from './machine.js';
import { startUp } from './start-up.js';
import { wordCount } from './word-count.js';

interface Size {
  readonly bytes: number;
  readonly rows: number;
  readonly rounds: number;
}
type Benchmark = (size: Size) => Promise<boolean>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
  'start-up': () => startUp(),
  'word-count': wordCount,
  'group-by': groupBy,
};

const full: Size = { bytes: 1_000_000_000, rows: 50_000_000, rounds: 5 };
const smoke: Size = { bytes: 8_000_000, rows: 300_000, rounds: 1 };

const { values, positionals } = parseArgs({
  options: {
    smoke: { type: 'boolean' },
    bytes: { type: 'string' },
    rows: { type: 'string' },
    rounds: { type: 'string' },
  },
  allowPositionals: true,
});
const base = values.smoke === true ? smoke : full;
const size: Size = {
  bytes: Number(values.bytes ?? base.bytes),
  rows: Number(values.rows ?? base.rows),
  rounds: Number(values.rounds ?? base.rounds),
};
const unknown = positionals.filter((name) => !Object.hasOwn(benchmarks, name));

if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${Object.keys(benchmarks).join(', ')}`);
  process.exitCode = 2;
} else if (Object.values(size).some((value) => !Number.isSafeInteger(value) || value < 1)) {
  console.error('--bytes, --rows and --rounds are whole numbers from 1 on');
  process.exitCode = 2;
} else if (!existsSync(gristmill)) {
  console.error('dist/ is missing: run npm run build first');
  process.exitCode = 2;
} else {
  console.log(machine());
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (await benchmark(size)) continue;
    console.error(`${name}: a bar is missed`);
    process.exitCode = 1;
  }
}
