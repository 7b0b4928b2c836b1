/** Counts words in files of a bucket: `splitBytes` and `partitions` make tasks enough that a fault meets some of them. */
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'words',
  input: read.text('s3://gristmill/data/words.txt', { splitBytes: 8 * 1024 * 1024 }),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 8,
  speculate: false,
  output: write.jsonl('s3://gristmill/data/out'),
});
