/**
 * One key whose values do not fit into memory: a reduce function sees them all as a stream, in the order of the input, and
 * one that stops after the first value leaves a job that balances. Values are made in `map`, so that 2 GB of them need no
 * file; what they are is known by construction.
 */
import { readFileSync } from 'node:fs';
import { runJob, type JobResult } from './job-run.js';
import { judgeMemory } from './memory-bars.js';
import type { Program, Setting } from './program.js';

const MiB = 1024 * 1024;
const executors = 2;
const valuesPerItem = 1000;
/** Lengths go from 900 to 1,100 characters. */
const valueCharactersMin = 900;
const valueLengths = 201;
const valueCharactersMean = valueCharactersMin + (valueLengths - 1) / 2;
/** A map task makes so many times its budget of values. */
const taskPerBudget = 4;

/** A value says its place in the input, so that the reduce function sees the order. */
const definition = (items: number, itemsPerSplit: number, memoryBytes: number, reduce: string): string => `
import { defineJob, read, write, type Emit } from 'gristmill';

const filler = 'x'.repeat(2000);

function valueAt(index: number): string {
  const length = ${valueCharactersMin} + (index % ${valueLengths});
  return (String(index) + ':' + filler).slice(0, length);
}

export default defineJob({
  name: 'one-key',
  input: read.items(Array.from({ length: ${items} }, (_, item) => item), { itemsPerSplit: ${itemsPerSplit} }),
  map(item: number, emit: Emit<string, string>) {
    for (let value = 0; value < ${valuesPerItem}; value++) emit('the key', valueAt(item * ${valuesPerItem} + value));
  },
  reduce(key: string, values: Iterable<string>, emit: (row: unknown) => void) {
${reduce}
  },
  partitions: 1,
  memory: '${memoryBytes / MiB}MiB',
  output: write.jsonl('out'),
});
`;

const sumLengths = `
    let count = 0;
    let characters = 0;
    let outOfOrder = 0;
    for (const value of values) {
      if (Number(value.slice(0, value.indexOf(':'))) !== count) outOfOrder++;
      count++;
      characters += value.length;
    }
    emit({ key, count, characters, outOfOrder });`;

const takeFirst = `
    for (const value of values) {
      emit({ key, first: value.slice(0, value.indexOf(':')), characters: value.length });
      break;
    }`;

function charactersOf(values: number): number {
  let characters = 0;
  for (let index = 0; index < values; index++) characters += valueCharactersMin + (index % valueLengths);
  return characters;
}

function judgeRow({ verdicts }: Setting, run: string, result: JobResult, expected: object): void {
  const found = result.parts
    .map((part) => readFileSync(part, 'utf8'))
    .join('')
    .trim();
  verdicts.judge(`${run}: the row is right`, found === JSON.stringify(expected), found);
  const broken = result.manifest.balance.filter((law) => !law.holds).map((law) => law.name);
  const laws = `${result.manifest.balance.length} laws`;
  verdicts.judge(`${run}: the counts balance`, broken.length === 0, broken.join(', ') || laws);
}

/** All values leave the map stage and are read in the reduce stage, whether the reduce function looks at them or not. */
function judgeFlow({ verdicts }: Setting, run: string, { manifest }: JobResult, values: number): void {
  const { emitted, shuffledInWeight } = manifest.counts;
  const holds = emitted === values && shuffledInWeight === values;
  verdicts.judge(`${run}: every value is accounted for`, holds, `${emitted} emitted, ${shuffledInWeight} read`);
}

export const oneKey: Program = async (setting) => {
  const { folder, verdicts } = setting;
  const budgetBytes = setting.number('budget', 64, 16) * MiB;
  const bytes = setting.number('bytes', 2_000_000_000, 100_000_000);
  const itemBytes = valuesPerItem * valueCharactersMean;
  const items = Math.ceil(bytes / itemBytes);
  const itemsPerSplit = Math.ceil((taskPerBudget * budgetBytes) / itemBytes);
  const count = items * valuesPerItem;
  const characters = charactersOf(count);
  verdicts.note(
    `${count} values of one key, ${characters} characters, in ${Math.ceil(items / itemsPerSplit)} map tasks`,
  );

  const run = async (name: string, reduce: string, expected: object) => {
    const text = definition(items, itemsPerSplit, budgetBytes, reduce);
    const result = await runJob({ name, definition: text, executors, folder });
    const seconds = (result.measurement.wallMs / 1000).toFixed(1);
    verdicts.note(`${name}: ${seconds} s, ${(result.bytesSpilled / MiB).toFixed(0)} MiB spilled`);
    judgeRow(setting, name, result, expected);
    judgeFlow(setting, name, result, count);
    judgeMemory(verdicts, name, result, budgetBytes);
  };
  const all = { key: 'the key', count, characters, outOfOrder: 0 };
  const first = { key: 'the key', first: '0', characters: valueCharactersMin };
  await verdicts.during('all-values', () => run('all-values', sumLengths, all));
  await verdicts.during('first-value', () => run('first-value', takeFirst, first));
};
