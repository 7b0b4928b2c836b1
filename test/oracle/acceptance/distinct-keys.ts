/**
 * A word count whose keys do not fit into its memory: the result is that of the run in memory, byte for byte, and right; and
 * no process holds more than its budget allows. Counts are known by construction: what drew the keys draws them again.
 */
import { eachLine } from '../../../bench/peers/lines.js';
import { eachDraw, keyOf, keysFile, keyText, type KeyDraws } from '../../../bench/generate/keys.js';
import { partsDigest, runJob, type JobResult } from './job-run.js';
import { judgeMemory } from './memory-bars.js';
import type { Program, Setting } from './program.js';

const MiB = 1024 * 1024;
/** The most that a job may have: 20 M keys of one task take more than 2 GiB with their index. */
const roomyBytes = 3072 * MiB;
const executors = 2;
/** So many draws for each key, unless the command line says otherwise; by Zipf's law many keys are never drawn. */
const uniformPasses = 2;
const zipfDrawsPerKey = 3;

/** One map task reads so many times its budget: what is distinct in that is too much for it, by Zipf's law too. */
const splitPerBudget = 6;

const definition = (input: string, memoryBytes: number, bytesPerSplit: number): string => `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'distinct-keys',
  input: read.text(${JSON.stringify(input)}, { splitBytes: ${bytesPerSplit} }),
  map(line, emit) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 8,
  memory: '${memoryBytes / MiB}MiB',
  output: write.jsonl('out'),
});
`;

interface Expected {
  readonly counts: Uint32Array;
  readonly distinct: number;
}

function expectedCounts(spec: KeyDraws): Expected {
  const counts = new Uint32Array(spec.keys);
  eachDraw(spec, (key) => counts[key]!++);
  return { counts, distinct: counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) };
}

/** The first thing that is wrong about the rows; undefined when each key is there once, with its count, in order. */
function firstWrong({ parts }: JobResult, { counts, distinct }: Expected): string | undefined {
  const seen = new Uint8Array(counts.length);
  let rows = 0;
  let wrong: string | undefined;
  for (const part of parts) {
    let before = '';
    eachLine(part, (line) => {
      const { key, value } = JSON.parse(line) as { key: string; value: number };
      const number = keyOf(key);
      if (keyText(number) !== key || !(number < counts.length)) wrong ??= `${key} was never drawn`;
      else if (value !== counts[number]) wrong ??= `${key}: ${value}, not ${counts[number] ?? 0}`;
      else if (seen[number] === 1) wrong ??= `${key} is there twice`;
      if (key <= before) wrong ??= `${key} stands after ${before}`;
      seen[number] = 1;
      before = key;
      rows++;
    });
  }
  return wrong ?? (rows === distinct ? undefined : `${rows} rows, not ${distinct}`);
}

async function judgeLaw(spec: KeyDraws, budgetBytes: number, { folder, verdicts }: Setting): Promise<void> {
  const { law } = spec;
  const input = keysFile(spec, 'words');
  const expected = expectedCounts(spec);
  verdicts.note(`${law}: ${spec.draws} draws of ${spec.keys} keys, of which ${expected.distinct} were drawn`);
  const run = async (memoryBytes: number) => {
    const text = definition(input, memoryBytes, splitPerBudget * budgetBytes);
    const result = await runJob({ name: `${law}-${memoryBytes / MiB}`, definition: text, executors, folder });
    const label = `${law} with ${memoryBytes / MiB} MiB`;
    const wrong = firstWrong(result, expected);
    verdicts.judge(`${label}: every count is right`, wrong === undefined, wrong ?? `${expected.distinct} rows`);
    const seconds = (result.measurement.wallMs / 1000).toFixed(1);
    verdicts.note(`${label}: ${seconds} s, ${(result.bytesSpilled / MiB).toFixed(0)} MiB spilled`);
    judgeMemory(verdicts, label, result, memoryBytes);
    return { digest: partsDigest(result), bytesSpilled: result.bytesSpilled, label };
  };
  const tight = await run(budgetBytes);
  const roomy = await run(roomyBytes);
  verdicts.judge(`${tight.label}: it spills`, tight.bytesSpilled > 0, `${tight.bytesSpilled} bytes`);
  verdicts.judge(`${roomy.label}: it does not`, roomy.bytesSpilled === 0, `${roomy.bytesSpilled} bytes`);
  const [left, right] = [tight.digest.slice(0, 16), roomy.digest.slice(0, 16)];
  verdicts.judge(`${law}: both write the same bytes`, tight.digest === roomy.digest, `${left}, ${right}`);
}

export const distinctKeys: Program = async (setting) => {
  const keys = setting.number('keys', 20_000_000, 1_000_000);
  const budgetBytes = setting.number('budget', 64, 16) * MiB;
  const uniform: KeyDraws = { keys, draws: uniformPasses * keys, law: 'uniform' };
  const zipf: KeyDraws = {
    keys,
    draws: setting.number('draws', zipfDrawsPerKey * keys, zipfDrawsPerKey * keys),
    law: 'zipf',
  };
  for (const spec of [uniform, zipf]) {
    await setting.verdicts.during(spec.law, () => judgeLaw(spec, budgetBytes, setting));
  }
};
