/** How often each word occurs in the texts of a bucket. */
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'word-count',
  input: read.text('s3://gristmill/data/sotu/*.txt'),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('s3://gristmill/data/word-count'),
});
