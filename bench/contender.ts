/**
 * Programs that do the same work, run in turn: round by round, each once, so that what slows the machine down slows all of
 * them. A figure is printed only when all results of all rounds were equal.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { gristmill } from './machine.js';
import { measure, type Command, type Measurement } from './measure.js';
import { median, ratios, spread } from './statistics.js';

export interface Contender<Result = unknown> {
  readonly name: string;
  /** How to run it so that its result is in the folder `output`; gristmill wants to make that folder itself. */
  readonly command: (output: string) => Command;
  /** What it left in `output`, in a form in which the results of all contenders can be compared. */
  readonly result: (output: string) => Result;
  /** It runs in so many of the first rounds; in all when left out. */
  readonly rounds?: number;
}

export interface Measured {
  readonly contender: Contender;
  readonly measurements: readonly Measurement[];
}

/** `least`: so many times as fast as the peer `than`, by the medians. */
export interface Bar {
  readonly name: string;
  readonly than: string;
  readonly least: number;
}

/** The command of a job whose input, output and store are in the folder of a benchmark. */
export function gristmillRun(job: string, input: string, folder: string, workers: number) {
  return (output: string): Command => ({
    program: process.execPath,
    args: [
      ...[gristmill, 'run', job, '--quiet', '--workers', String(workers)],
      ...['--input', input, '--output', output, '--store', join(folder, 'store')],
    ],
    cwd: folder,
  });
}

export interface Batch<Result> {
  readonly rounds: number;
  readonly folder: string;
  /** What is different about two results, for a person; undefined when they are equal. */
  readonly difference: (found: Result, expected: Result) => string | undefined;
}

/** Runs them all; throws when a result differs from the first. */
export async function inTurn<Result>(
  all: readonly Contender<Result>[],
  { rounds, folder, difference }: Batch<Result>,
): Promise<readonly Measured[]> {
  const measured = all.map((contender) => ({ contender, measurements: [] as Measurement[] }));
  let expected: { readonly result: Result } | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const [index, { contender, measurements }] of measured.entries()) {
      if (round >= (contender.rounds ?? rounds)) continue;
      const output = join(folder, `out-${round}-${index}`);
      measurements.push(await measure(contender.command(output), { memory: true }));
      const result = contender.result(output);
      expected ??= { result };
      const found = difference(result, expected.result);
      if (found !== undefined) throw new Error(`${contender.name} and ${all[0]?.name ?? ''} do not agree: ${found}`);
      rmSync(output, { recursive: true });
      rmSync(join(folder, 'store'), { recursive: true, force: true });
    }
  }
  console.log('  all results of all rounds are equal');
  return measured;
}

function walls({ measurements }: Measured): number[] {
  return measurements.map(({ wallMs }) => wallMs);
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

/** Times, rates, CPU seconds and memory, one contender after the other. */
export function printFigures(all: readonly Measured[], bytes: number): void {
  const most = Math.max(...all.map(({ measurements }) => measurements.length));
  for (const one of all) {
    const seconds = walls(one).map((ms) => ms / 1000);
    const cpu = defined(one.measurements.map(({ cpuMs }) => cpuMs)).map((ms) => ms / 1000);
    const peak = defined(one.measurements.map(({ peakRssBytes }) => peakRssBytes)).map((value) => value / 1024 ** 2);
    const fewer = seconds.length < most ? `, ${seconds.length} of the ${most} rounds` : '';
    console.log(`  ${one.contender.name}`);
    console.log(`    ${spread(seconds, 2)} s, ${(bytes / 1e6 / median(seconds)).toFixed(0)} MB/s${fewer}`);
    if (cpu.length === 0) continue;
    console.log(`    CPU ${spread(cpu, 2)} s, resident at most ${Math.max(...peak).toFixed(0)} MiB together`);
  }
}

/** How many times as fast `name` was as `than`, pair by pair of the rounds in which both ran, and by their medians. */
export function printRatio(all: readonly Measured[], name: string, than: string): number {
  const find = (wanted: string) => {
    const found = all.find(({ contender }) => contender.name === wanted);
    if (found === undefined) throw new Error(`there is no contender ${wanted}`);
    return walls(found);
  };
  const pairs = Math.min(find(name).length, find(than).length);
  const [fast, slow] = [find(name).slice(0, pairs), find(than).slice(0, pairs)];
  const ratio = median(slow) / median(fast);
  const paired = spread(ratios(slow, fast), 2);
  console.log(`  ${name}: ${ratio.toFixed(2)} times as fast as ${than}; pair by pair ${paired}`);
  return ratio;
}

/** True when all are kept, or when none decides, which is then said. */
export function printBars(all: readonly Measured[], bars: readonly Bar[], decides: boolean): boolean {
  const verdicts = bars.map(({ name, than, least }) => {
    const kept = printRatio(all, name, than) >= least;
    const verdict = kept ? 'kept' : decides ? 'MISSED' : 'not reached at this size, where it does not decide';
    console.log(`    the bar is ${least.toFixed(2)}: ${verdict}`);
    return kept || !decides;
  });
  return verdicts.every(Boolean);
}
