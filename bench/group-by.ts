/**
 * Figures by weather station, as in the One Billion Row Challenge, through a JavaScript `map`: Gristmill with two executors
 * beside DuckDB on two threads and a program written by hand for one. Whole commands in turn; ratios, and no bar.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gristmillRun, inTurn, printFigures, printRatio, type Contender } from './contender.js';
import { measurementsFile } from './generate/measurements.js';
import { root } from './machine.js';
import { peerProgram, type Peer } from './peer-programs.js';
import { partLines } from './rows.js';

export interface GroupByOptions {
  readonly rows: number;
  readonly rounds: number;
}

interface Figures {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly count: number;
}
type Result = ReadonlyMap<string, Figures>;

const nameCounts = [413, 100_000];
/** DuckDB adds doubles in the order of its threads; the others add exactly. */
const meanToleranceRelative = 1e-9;

const names = {
  two: 'gristmill, 2 executors',
  duckDb: 'DuckDB, 2 threads',
  hand: 'hand-written, bytes, 1 thread',
} as const;

function resultOf(output: string): Result {
  const rows = partLines(output).map((line) => JSON.parse(line) as { key: string; value: Figures });
  const result = new Map(rows.map(({ key, value }) => [key, value]));
  if (result.size !== rows.length) throw new Error(`${rows.length - result.size} rows too many: a key is there twice`);
  return result;
}

/** Means of values around zero have no digits to spare: their tolerance is that of a mean of one degree. */
function isMean(found: number, expected: number): boolean {
  return Math.abs(found - expected) <= meanToleranceRelative * Math.max(1, Math.abs(expected));
}

export function difference(found: Result, expected: Result): string | undefined {
  if (found.size !== expected.size) return `${found.size} names, not ${expected.size}`;
  for (const [name, figures] of expected) {
    const others = found.get(name);
    const equal =
      others !== undefined &&
      others.min === figures.min &&
      others.max === figures.max &&
      others.count === figures.count &&
      isMean(others.mean, figures.mean);
    if (!equal) return `${name}: ${JSON.stringify(others)}, not ${JSON.stringify(figures)}`;
  }
  return undefined;
}

function contenders(folder: string, input: string): readonly Contender<Result>[] {
  const peer = (name: string, program: Peer, ...more: string[]): Contender<Result> => {
    const path = peerProgram(program);
    return {
      name,
      command: (output) => {
        mkdirSync(output);
        const args = [path, input, join(output, 'part-0.jsonl'), ...more];
        return { program: process.execPath, args, cwd: folder };
      },
      result: resultOf,
    };
  };
  const job = join(root, 'bench/jobs/group-by.ts');
  return [
    peer(names.duckDb, 'group-by-duckdb', '2'),
    peer(names.hand, 'group-by-map'),
    { name: names.two, command: gristmillRun(job, input, folder, 2), result: resultOf },
  ];
}

function duckDbVersion(): string {
  const path = join(root, 'node_modules/@duckdb/node-api/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** Always true: the ratios have no bar. */
export async function groupBy({ rows, rounds }: GroupByOptions): Promise<boolean> {
  for (const stations of nameCounts) {
    const folder = mkdtempSync(join(tmpdir(), 'gristmill-group-by-'));
    try {
      const input = measurementsFile({ rows, names: stations });
      const { size } = statSync(input);
      execFileSync('cat', [input], { stdio: ['ignore', 'ignore', 'inherit'] }); // into the page cache for everybody
      console.log(
        `group-by: ${rows} rows, ${stations} names, ${size} bytes, page cache warm; ${rounds} rounds in turn`,
      );
      console.log(`  DuckDB ${duckDbVersion()}; medians (ranges)`);
      const all = await inTurn(contenders(folder, input), { rounds, folder, difference });
      printFigures(all, size);
      printRatio(all, names.two, names.duckDb);
      printRatio(all, names.two, names.hand);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return true;
}
