/** Figures of each weather station by a JavaScript `map`; input and output come from the command line. */
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'group-by',
  input: read.csv('measurements.csv', {
    delimiter: ';',
    header: false,
    columns: { name: 'string', value: 'number' },
  }),
  map(row, emit) {
    emit(row.name, row.value);
  },
  reduce: agg.of({ min: agg.min(), mean: agg.mean(), max: agg.max(), count: agg.count() }),
  output: write.jsonl('out/group-by'),
});
