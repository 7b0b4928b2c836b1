/** Word count over Zipf text against two oracles, in every number of partitions and executors. */
import { zipfFile } from '../../../bench/generate/zipf.js';
import { countsByDuckDb, countsByGnuTools, differences } from '../oracle.js';
import { runWordCount } from '../word-count-run.js';
import type { Program } from './program.js';

export const wordCount: Program = async ({ number, folder, verdicts }) => {
  const bytes = number('bytes', 200_000_000, 5_000_000);
  const input = zipfFile(bytes);
  const expected = await countsByDuckDb(input);
  const disagreement = differences(await countsByGnuTools(input), expected);
  const agreed = disagreement.length === 0 ? `${bytes} bytes, ${expected.size} words` : disagreement.join('; ');
  verdicts.judge('DuckDB and the GNU tools agree', disagreement.length === 0, agreed);
  for (const partitions of [1, 2, 7]) {
    const first = await runWordCount({ input, partitions, executors: 1, folder });
    const wrong = differences(first.counts, expected);
    const words = `${first.counts.size} words`;
    verdicts.judge(`${partitions} partitions: the counts are right`, wrong.length === 0, wrong.join('; ') || words);
    const others: number[] = [];
    for (const executors of [2, 4, 2]) {
      const { parts } = await runWordCount({ input, partitions, executors, folder });
      if (parts.join() !== first.parts.join()) others.push(executors);
    }
    verdicts.judge(
      `${partitions} partitions: 2, 4 and again 2 executors write the bytes that one writes`,
      others.length === 0,
      others.length === 0 ? `${first.parts.length} parts` : `not with ${others.join(', ')} executors`,
    );
  }
};
