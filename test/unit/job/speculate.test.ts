/** Whether slow tasks of a job may have a backup. */
import { expect, test } from 'vitest';
import { agg, defineJob, defineMap, read, write, type Emit, type EmitRow } from '../../../shared/job/index.js';
import { definitionOf } from '../../../shared/job/definition.js';

const input = read.text('a.txt');
const output = write.jsonl('out/x');
const speculates = (job: unknown) => definitionOf(job).descriptor.speculate;

test('is true, unless map is an async function or the job says otherwise', () => {
  const map = (line: string, emit: EmitRow<string>) => emit(line);
  const mapAsync = async (line: string, emit: EmitRow<string>) => {
    await Promise.resolve();
    emit(line);
  };
  expect(speculates(defineMap({ name: 'x', input, map, output }))).toBe(true);
  expect(speculates(defineMap({ name: 'x', input, map, output, speculate: false }))).toBe(false);
  expect(speculates(defineMap({ name: 'x', input, map: mapAsync, output }))).toBe(false);
  expect(speculates(defineMap({ name: 'x', input, map: mapAsync, output, speculate: true }))).toBe(true);
});

test('holds for jobs with a reduce stage as well', () => {
  const map = (line: string, emit: Emit<string, number>) => emit(line, 1);
  expect(speculates(defineJob({ name: 'x', input, map, reduce: agg.sum(), output }))).toBe(true);
  expect(speculates(defineJob({ name: 'x', input, map, reduce: agg.sum(), output, speculate: false }))).toBe(false);
});

test('what is neither true nor false is refused', () => {
  const map = (line: string, emit: EmitRow<string>) => emit(line);
  const job = { name: 'x', input, map, output, speculate: 'yes' as unknown as boolean };
  expect(() => defineMap(job)).toThrow('defineMap: speculate is true or false, not the string "yes"');
});
