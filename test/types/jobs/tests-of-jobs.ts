/** Types of `runJob`: what a job reads is what its test gives, what it writes is what its test gets. */
import { agg, defineJob, defineMap, read, write, type Emit, type EmitRow } from 'gristmill';
import { runJob } from 'gristmill/testing';

const lengths = defineJob({
  name: 'x',
  input: read.jsonl<{ word: string }>('x'),
  map({ word }, emit: Emit<string, number>) {
    emit(word, word.length);
  },
  reduce: agg.max(),
  output: write.jsonl('o'),
});
const visits = defineMap({
  name: 'x',
  input: read.text('x'),
  map(line, emit: EmitRow<{ at: Date; bytes: Uint8Array; n: bigint; tags: string[]; none?: number }>) {
    emit({ at: new Date(line), bytes: new Uint8Array(), n: 1n, tags: [] });
  },
  output: write.jsonl('o'),
});

const { rows } = await runJob(lengths, { input: [{ word: 'a' }], combine: 'off' });
export const counted: { key: string; value: number }[] = rows;
// @ts-expect-error a length is a number
export const named: { key: string; value: string }[] = rows;
const written = await runJob(visits, { input: new Set(['2020-01-01']) });
export const readBack: { at: string; bytes: string; n: number; tags: string[]; none?: number }[] = written.rows;
// @ts-expect-error JSON has no dates
export const dated: { at: Date }[] = written.rows;

// @ts-expect-error the job reads objects with a word
await runJob(lengths, { input: [{ wrod: 'a' }] });
// @ts-expect-error the job reads lines
await runJob(visits, { input: [1] });
// @ts-expect-error no such mode
await runJob(visits, { input: [], combine: 'sometimes' });
