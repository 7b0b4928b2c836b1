/** `npm run acceptance`: word count over 200 MB of Zipf text against two oracles, in every number of executors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipfFile } from '../../bench/generate/zipf.js';
import { countsByDuckDb, countsByGnuTools, differences } from './oracle.js';
import { runWordCount } from './word-count-run.js';

const bytes = 200_000_000;
const folder = mkdtempSync(join(tmpdir(), 'gristmill-acceptance-'));
const findings: string[] = [];

try {
  const input = zipfFile(bytes);
  const expected = await countsByDuckDb(input);
  findings.push(...differences(await countsByGnuTools(input), expected).map((text) => `the oracles disagree: ${text}`));
  console.log(`${bytes} bytes, ${expected.size} distinct words, the oracles agree`);
  for (const partitions of [1, 2, 7]) {
    const first = await runWordCount({ input, partitions, executors: 1, folder });
    findings.push(...differences(first.counts, expected));
    for (const executors of [2, 4, 2]) {
      const { parts } = await runWordCount({ input, partitions, executors, folder });
      if (parts.join() === first.parts.join()) continue;
      findings.push(`${executors} executors wrote other bytes than one, in ${partitions} partitions`);
    }
    console.log(
      `${partitions} partitions: 1, 2, 4 and again 2 executors ${findings.length === 0 ? 'agree' : 'differ'}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (findings.length > 0) {
  console.error(findings.join('\n'));
  process.exitCode = 1;
}
