/** One record keeps more memory than its container has. */
import { agg, defineJob, read, write } from 'gristmill';

const kept: Buffer[] = [];

export default defineJob({
  name: 'hungry',
  input: read.items(['feast']),
  map(item, emit) {
    for (let i = 0; i < 4096; i++) kept.push(Buffer.alloc(1024 * 1024, i + 1));
    emit(item, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('s3://gristmill/data/hungry'),
});
