/**
 * Word count over Zipf text: Gristmill with one and two executors beside a hand-written single-thread program over the
 * same file. Whole commands, start-up included, in turn; all results are compared before a figure is printed.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { zipfFile } from './generate/zipf.js';
import { gristmill, root } from './machine.js';
import { measure, type Command, type Measurement } from './measure.js';
import { median, ratios, spread } from './statistics.js';

export interface WordCountOptions {
  readonly bytes: number;
  readonly rounds: number;
}

interface Contender {
  readonly name: string;
  readonly command: (output: string) => Command;
  readonly measurements: Measurement[];
}

function contenders(folder: string, input: string): Contender[] {
  // The peer runs as plain JavaScript: what makes TypeScript of it is not its fault.
  const peer = join(folder, 'word-count-map.mjs');
  buildSync({
    entryPoints: [join(root, 'bench/peers/word-count-map.ts')],
    outfile: peer,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
  });
  const run = (workers: number) => (output: string) => ({
    program: process.execPath,
    args: [
      ...[gristmill, 'run', join(root, 'bench/jobs/word-count.ts'), '--quiet', '--workers', String(workers)],
      ...['--input', input, '--output', output, '--store', join(folder, 'store')],
    ],
    cwd: folder,
  });
  return [
    {
      name: 'hand-written, 1 thread',
      command: (output) => {
        mkdirSync(output);
        return { program: process.execPath, args: [peer, input, join(output, 'part-0.jsonl')], cwd: folder };
      },
      measurements: [],
    },
    { name: 'gristmill, 1 executor', command: run(1), measurements: [] },
    { name: 'gristmill, 2 executors', command: run(2), measurements: [] },
  ];
}

/** Of all rows whatever their order and their number of files. */
function resultDigest(output: string): string {
  const parts = readdirSync(output).filter((name) => name.startsWith('part-'));
  const rows = parts.flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n').filter(Boolean));
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex');
}

function print(all: readonly Contender[], bytes: number): void {
  const walls = ({ measurements }: Contender) => measurements.map(({ wallMs }) => wallMs);
  const [peer] = all;
  for (const contender of all) {
    const seconds = walls(contender).map((ms) => ms / 1000);
    const cpu = contender.measurements.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs / 1000]));
    const peak = contender.measurements.flatMap(({ peakRssBytes }) =>
      peakRssBytes === undefined ? [] : [peakRssBytes / 1024 ** 2],
    );
    const rate = bytes / 1e6 / median(seconds);
    const ratio =
      peer === undefined || peer === contender
        ? ''
        : `, ${spread(ratios(walls(peer), walls(contender)), 2)} times the peer's speed`;
    console.log(`  ${contender.name.padEnd(23)} ${spread(seconds, 2)} s, ${rate.toFixed(0)} MB/s${ratio}`);
    if (cpu.length > 0) {
      console.log(`  ${''.padEnd(23)} CPU ${spread(cpu, 2)} s, resident at most ${Math.max(...peak).toFixed(0)} MiB`);
    }
  }
}

export async function wordCount({ bytes, rounds }: WordCountOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'gristmill-word-count-'));
  try {
    const input = zipfFile(bytes);
    // Reading it all once puts the file into the page cache for everybody.
    readFileSync(input);
    const all = contenders(folder, input);
    const digests = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      for (const [index, contender] of all.entries()) {
        const output = join(folder, `out-${round}-${index}`);
        contender.measurements.push(await measure(contender.command(output), { memory: true }));
        digests.add(resultDigest(output));
        rmSync(output, { recursive: true });
      }
    }
    if (digests.size !== 1) throw new Error('the contenders do not agree on the result: there is no time');
    console.log(`word-count: ${bytes} bytes of Zipf text, page cache warm; ${rounds} rounds in turn, medians (ranges)`);
    print(all, bytes);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
