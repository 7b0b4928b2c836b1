/** Counts words in many tasks that take their time, so that pods can come and go while it runs. */
import { agg, defineJob, read, write } from 'gristmill';

const TASK_MS = 2_000;

export default defineJob({
  name: 'words',
  input: read.text('s3://gristmill/data/words.txt', { splitBytes: 4 * 1024 * 1024 }),
  map(line, emit, ctx) {
    if (ctx.record.index === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TASK_MS);
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 8,
  speculate: false,
  output: write.jsonl('s3://gristmill/data/out'),
});
