/**
 * Word count over Zipf text: Gristmill with one and two executors beside two hand-written single-thread programs and the
 * GNU tools, over the same file. Whole commands, start-up included, in turn; all results are compared.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gristmillRun, inTurn, printBars, printFigures, printRatio, type Bar, type Contender } from './contender.js';
import { zipfFile } from './generate/zipf.js';
import { root } from './machine.js';
import { peerProgram, type Peer } from './peer-programs.js';
import { linesDigest, partLines } from './rows.js';

export interface WordCountOptions {
  readonly bytes: number;
  readonly rounds: number;
}

/** Below it start-up weighs more than it does in anybody's work: ratios are printed and nothing depends on them. */
const barredBytesMin = 1_000_000_000;
/** The GNU tools take minutes for what takes the others seconds; two rounds show how far away they are. */
const gnuRoundsMax = 2;

const names = {
  map: 'hand-written, one Map, 1 thread',
  table: 'hand-written, own table, 1 thread',
  one: 'gristmill, 1 executor',
  two: 'gristmill, 2 executors',
  gnu: 'tr | tr | sort | uniq -c',
} as const;

const bars: readonly Bar[] = [
  { name: names.one, than: names.map, least: 1.5 },
  { name: names.one, than: names.table, least: 0.85 },
  { name: names.two, than: names.one, least: 1.6 },
  { name: names.two, than: names.gnu, least: 5 },
];

const gnuScript = `tr A-Z a-z < "$0" | tr -cs "a-z'" '\\n' | LC_ALL=C sort | uniq -c > "$1"`;

/** What `uniq -c` wrote, as the rows of the others. The empty word is what stands before the text's first word. */
function gnuRows(output: string): string[] {
  const lines = readFileSync(join(output, 'counts'), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, count, key] = /^ *(\d+) (.+)$/.exec(line) ?? [];
    return count === undefined ? [] : [JSON.stringify({ key, value: Number(count) })];
  });
}

function contenders(folder: string, input: string): readonly Contender<string>[] {
  const job = join(root, 'bench/jobs/word-count.ts');
  const result = (output: string) => linesDigest(partLines(output));
  const peer = (name: string, program: Peer): Contender<string> => {
    const path = peerProgram(program);
    return {
      name,
      command: (output) => {
        mkdirSync(output);
        return { program: process.execPath, args: [path, input, join(output, 'part-0.jsonl')], cwd: folder };
      },
      result,
    };
  };
  return [
    peer(names.map, 'word-count-map'),
    peer(names.table, 'word-count-table'),
    { name: names.one, command: gristmillRun(job, input, folder, 1), result },
    { name: names.two, command: gristmillRun(job, input, folder, 2), result },
    {
      name: names.gnu,
      command: (output) => {
        mkdirSync(output);
        return { program: 'sh', args: ['-c', gnuScript, input, join(output, 'counts')], cwd: folder };
      },
      result: (output) => linesDigest(gnuRows(output)),
      rounds: gnuRoundsMax,
    },
  ];
}

/** Both bars and ratios are by whole commands; false when a bar is missed at full size. */
export async function wordCount({ bytes, rounds }: WordCountOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'gristmill-word-count-'));
  try {
    const input = zipfFile(bytes);
    execFileSync('cat', [input], { stdio: ['ignore', 'ignore', 'inherit'] }); // into the page cache for everybody
    const [gnuVersion] = execFileSync('sort', ['--version'], { encoding: 'utf8' }).split('\n');
    console.log(`word-count: ${bytes} bytes of Zipf text, page cache warm; ${rounds} rounds in turn, medians (ranges)`);
    console.log(`  ${gnuVersion}; the GNU tools run in at most ${gnuRoundsMax} of the rounds`);
    const difference = (found: string, expected: string) => (found === expected ? undefined : 'the counts differ');
    const all = await inTurn(contenders(folder, input), { rounds, folder, difference });
    printFigures(all, bytes);
    printRatio(all, names.two, names.map);
    printRatio(all, names.two, names.table);
    return printBars(all, bars, bytes >= barredBytesMin);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
