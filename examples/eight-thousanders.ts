/** The highest mountain of each country that has some above 8,000 m, from a CSV file. Run it from the repository's root. */
import { defineJob, read, write, type Emit, type EmitRow } from 'gristmill';

interface Peak {
  peak: string;
  metres: number;
}

export default defineJob({
  name: 'eight-thousanders',
  input: read.csv('examples/eight-thousanders.csv', {
    columns: { peak: 'string', metres: 'number', countries: 'string' },
  }),
  map({ peak, metres, countries }, emit: Emit<string, Peak>) {
    for (const country of countries.split(', ')) emit(country, { peak, metres });
  },
  reduce(country, peaks, emit: EmitRow<{ country: string; peaks: number; highest: string; metres: number }>) {
    let count = 0;
    let highest: Peak = { peak: '', metres: 0 };
    for (const peak of peaks) {
      count += 1;
      if (peak.metres > highest.metres) highest = peak;
    }
    emit({ country, peaks: count, highest: highest.peak, metres: highest.metres });
  },
  output: write.jsonl('out/eight-thousanders'),
});
