/** `npm run bench [-- NAME ...] [--smoke]`: all benchmarks, or those named; `--smoke` is a small run of each for CI. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gristmill, machine } from './machine.js';
import { startUp } from './start-up.js';
import { wordCount } from './word-count.js';

type Benchmark = (smoke: boolean) => Promise<boolean>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
  'start-up': () => startUp(),
  'word-count': (smoke) => wordCount(smoke ? { bytes: 8_000_000, rounds: 1 } : { bytes: 100_000_000, rounds: 5 }),
};

const { values, positionals } = parseArgs({ options: { smoke: { type: 'boolean' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !Object.hasOwn(benchmarks, name));

if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${Object.keys(benchmarks).join(', ')}`);
  process.exitCode = 2;
} else if (!existsSync(gristmill)) {
  console.error('dist/ is missing: run npm run build first');
  process.exitCode = 2;
} else {
  console.log(machine());
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (await benchmark(values.smoke === true)) continue;
    console.error(`${name}: over its bar`);
    process.exitCode = 1;
  }
}
