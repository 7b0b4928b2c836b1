/**
 * How long one has to wait for nothing: a job over one record, command to exit, beside `node -e 0`. The bar is a ratio, so
 * that a slow machine is not a slow Gristmill.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gristmill } from './machine.js';
import { measure } from './measure.js';
import { median, ratios, spread } from './statistics.js';

/** At most so many times `node -e 0`, by the medians of one batch. */
const ratioMax = 12;
const pairs = 9;

const job = `import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'one-record',
  input: read.text('record.txt'),
  map: (line, emit) => emit(line, 1),
  reduce: agg.sum(),
  output: write.jsonl('out'),
});
`;

async function batch(folder: string): Promise<number> {
  const bare = { program: process.execPath, args: ['-e', '0'], cwd: folder };
  const run = (output: string) => ({
    program: process.execPath,
    args: [gristmill, 'run', 'job.ts', '--quiet', '--output', output],
    cwd: folder,
  });
  await measure(bare);
  await measure(run('out-warm'));
  const nodeMs: number[] = [];
  const jobMs: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    nodeMs.push((await measure(bare)).wallMs);
    const output = `out-${pair}`;
    jobMs.push((await measure(run(output))).wallMs);
    const [part] = readParts(join(folder, output));
    if (part !== '{"key":"one","value":1}\n') throw new Error(`the one-record job wrote ${JSON.stringify(part)}`);
    rmSync(join(folder, output), { recursive: true });
  }
  const ratio = median(jobMs) / median(nodeMs);
  console.log(`  node -e 0        ${spread(nodeMs, 0)} ms`);
  console.log(`  one-record job   ${spread(jobMs, 0)} ms`);
  console.log(`  pair by pair     ${spread(ratios(jobMs, nodeMs), 2)} times`);
  console.log(`  of the medians   ${ratio.toFixed(2)} times; the bar is ${ratioMax}`);
  return ratio;
}

function readParts(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, '_manifest.json'), 'utf8')) as Record<string, unknown>;
  if (manifest['complete'] === false) throw new Error('the one-record job is incomplete');
  return [readFileSync(join(folder, 'part-00000.jsonl'), 'utf8')];
}

/** True when the bar is kept. A machine that was busy gets a second batch; both are printed. */
export async function startUp(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'gristmill-start-up-'));
  try {
    writeFileSync(join(folder, 'job.ts'), job);
    writeFileSync(join(folder, 'record.txt'), 'one\n');
    console.log(`start-up: a one-record job, command to exit; ${pairs} pairs, medians (ranges)`);
    return (await batch(folder)) <= ratioMax || (await batch(folder)) <= ratioMax;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
