/**
 * What a budget costs: a group-by whose state is eight times its budget, beside the same job with its state in memory, in
 * alternating rounds of whole commands. The state of a map task is its distinct keys times what an entry of the table
 * takes; the input is cut so that each task has every key.
 */
import { statSync } from 'node:fs';
import { eachLine } from '../../../bench/peers/lines.js';
import { eachDraw, keyOf, keysFile, keyText, tenthsOf, type KeyDraws } from '../../../bench/generate/keys.js';
import { median, ratios, spread } from '../../../bench/statistics.js';
import { partsDigest, runJob, type JobResult } from './job-run.js';
import type { Program, Setting } from './program.js';

const MiB = 1024 * 1024;
const executors = 2;
const stateTimesBudget = 8;
/** Where time is short: it spills and merges as it does with eight. */
const stateTimesBudgetSmall = 3;
const roomyBytes = 3072 * MiB;
/** Of the speed in memory, by the medians. */
const speedLeast = 0.35;
/**
 * What the table of a map task holds for a key at the very least: 16 bytes for a key of 7 to 14 letters with its length,
 * and 8 for each of the minimum, the sum, the maximum and the count. Real entries are larger, and the state with them.
 */
const entryBytesMin = 48;

const definition = (input: string, memoryBytes: number, splitBytes: number): string => `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'state-over-budget',
  input: read.csv(${JSON.stringify(input)}, {
    delimiter: ';',
    header: false,
    columns: { name: 'string', value: 'number' },
    splitBytes: ${splitBytes},
  }),
  map(row, emit) {
    emit(row.name, row.value);
  },
  reduce: agg.of({ min: agg.min(), mean: agg.mean(), max: agg.max(), count: agg.count() }),
  partitions: 8,
  memory: '${memoryBytes / MiB}MiB',
  output: write.jsonl('out'),
});
`;

interface Row {
  readonly key: string;
  readonly value: { readonly min: number; readonly mean: number; readonly max: number; readonly count: number };
}

/** The figures of every key, in tenths, by drawing again. */
function expectedFigures(spec: KeyDraws) {
  const figures = { min: new Int32Array(spec.keys), max: new Int32Array(spec.keys), sum: new Int32Array(spec.keys) };
  figures.min.fill(1000);
  figures.max.fill(-1000);
  eachDraw(spec, (key, index) => {
    const tenths = tenthsOf(index);
    if (tenths < figures.min[key]!) figures.min[key] = tenths;
    if (tenths > figures.max[key]!) figures.max[key] = tenths;
    figures.sum[key]! += tenths;
  });
  return figures;
}

/** The first row that is wrong; undefined when every key is there once with its figures. */
function firstWrong({ parts }: JobResult, spec: KeyDraws): string | undefined {
  const { min, max, sum } = expectedFigures(spec);
  const passes = spec.draws / spec.keys;
  const seen = new Uint8Array(spec.keys);
  let rows = 0;
  let wrong: string | undefined;
  for (const part of parts) {
    eachLine(part, (line) => {
      const { key, value } = JSON.parse(line) as Row;
      const number = keyOf(key);
      const right =
        number < spec.keys &&
        keyText(number) === key &&
        seen[number] === 0 &&
        value.count === passes &&
        Math.round(value.min * 10) === min[number] &&
        Math.round(value.max * 10) === max[number] &&
        Math.abs(value.mean - sum[number]! / 10 / passes) < 1e-9;
      if (!right) wrong ??= line;
      else seen[number] = 1;
      rows++;
    });
  }
  return wrong ?? (rows === spec.keys ? undefined : `${rows} rows, not ${spec.keys}`);
}

function judgeRounds({ small, verdicts }: Setting, roomy: readonly JobResult[], tight: readonly JobResult[]): void {
  const wallMs = (runs: readonly JobResult[]) => runs.map(({ measurement }) => measurement.wallMs);
  const seconds = (runs: readonly JobResult[]) =>
    `${spread(
      wallMs(runs).map((ms) => ms / 1000),
      2,
    )} s`;
  const speed = median(wallMs(roomy)) / median(wallMs(tight));
  const paired = spread(ratios(wallMs(roomy), wallMs(tight)), 2);
  verdicts.note(`in memory ${seconds(roomy)}, over budget ${seconds(tight)}; ${roomy.length} rounds in turn`);
  const bar = `over budget it runs at ${speedLeast} or more of its speed in memory`;
  const figure = `${speed.toFixed(2)}, pair by pair ${paired}`;
  // A busy machine must not fail a test.
  if (small) verdicts.note(`${bar}: ${figure}; at this size it does not decide`);
  else verdicts.judge(bar, speed >= speedLeast, figure);
}

export const stateOverBudget: Program = async (setting) => {
  const { folder, number, small, verdicts } = setting;
  const budgetBytes = number('budget', 32, 16) * MiB;
  const rounds = number('rounds', 5, 1);
  const times = small ? stateTimesBudgetSmall : stateTimesBudget;
  const keys = Math.ceil((times * budgetBytes) / entryBytesMin);
  // Each of the two map tasks sees every key so many times.
  const passesPerTask = small ? 1 : 2;
  const spec: KeyDraws = { keys, draws: keys * passesPerTask * executors, law: 'uniform' };
  const input = keysFile(spec, 'rows');
  // The second half begins with a pass over all keys; a few bytes more or less do not matter.
  const splitBytes = Math.ceil(statSync(input).size / executors);
  verdicts.note(`${spec.draws} rows of ${keys} keys; ${times} times ${budgetBytes / MiB} MiB in each map task`);
  const run = (name: string, memoryBytes: number) =>
    runJob({ name, definition: definition(input, memoryBytes, splitBytes), executors, folder });

  const roomy: JobResult[] = [];
  const tight: JobResult[] = [];
  const digests = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    roomy.push(await run('in-memory', roomyBytes));
    tight.push(await run('over-budget', budgetBytes));
    for (const result of [roomy.at(-1), tight.at(-1)]) if (result !== undefined) digests.add(partsDigest(result));
    if (round > 0) continue;
    for (const result of [...roomy, ...tight]) {
      const wrong = firstWrong(result, spec);
      verdicts.judge(`${result.manifest.counts.rows} rows are right`, wrong === undefined, wrong ?? 'all of them');
    }
  }
  verdicts.judge('all runs write the same bytes', digests.size === 1, `${2 * rounds} runs`);
  const spilled = (runs: readonly JobResult[]) => runs.map(({ bytesSpilled }) => bytesSpilled);
  verdicts.judge('over budget it spills', Math.min(...spilled(tight)) > 0, `${Math.min(...spilled(tight))} bytes`);
  verdicts.judge('in memory it does not', Math.max(...spilled(roomy)) === 0, `${Math.max(...spilled(roomy))} bytes`);
  judgeRounds(setting, roomy, tight);
};
