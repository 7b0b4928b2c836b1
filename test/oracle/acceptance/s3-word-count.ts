/**
 * Word count with input, shuffle and output on a real MinIO beside the same with folders, in turn, on the same machine, which
 * carries the server as well.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipfFile } from '../../../bench/generate/zipf.js';
import { gristmill } from '../../../bench/machine.js';
import { measure } from '../../../bench/measure.js';
import { Bucket } from '../../harness/bucket.js';
import { hasMinio, startMinio } from '../../harness/minio.js';
import type { Program } from './program.js';

/** Of the time with folders. */
const TIME_MAX = 1.5;

const definition = `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'word-count',
  input: read.text('given-by-the-command'),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('given-by-the-command'),
});
`;

export const s3WordCount: Program = async ({ number, small, folder, verdicts }) => {
  if (!hasMinio) {
    verdicts.note('skipped: there is no MinIO here; scripts/minio.sh build makes it');
    return;
  }
  const bytes = number('bytes', 1e9, 2e7);
  const rounds = number('rounds', 3, 1);
  const input = zipfFile(bytes);
  const minio = await startMinio();
  const bucket = await Bucket.on(minio.access);
  try {
    const { accessKey, secretKey, endpoint } = minio.access;
    const keys = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey, AWS_ENDPOINT_URL_S3: endpoint };
    const env = { ...process.env, ...keys };
    const run = (args: readonly string[]) =>
      measure({ program: process.execPath, args: [gristmill, ...args], cwd: folder, env });
    const job = join(folder, 'word-count.ts');
    writeFileSync(job, definition);
    await run(['upload', input, bucket.uri('input')]);
    const uploaded = `${bucket.uri('input')}/*`;
    const times = { folders: [] as number[], bucket: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      const out = join(folder, 'out');
      const store = join(folder, 'store');
      rmSync(out, { recursive: true, force: true });
      const here = await run(['run', job, '--quiet', '--input', input, '--output', out, '--store', store]);
      const there = await run(
        ['run', job, '--quiet', '--input', uploaded, '--output', bucket.uri(`out-${round}`)].concat(
          '--store',
          bucket.storeUri,
        ),
      );
      times.folders.push(here.wallMs / 1000);
      times.bucket.push(there.wallMs / 1000);
      await bucket.mirror(`out-${round}`, join(folder, 'mirror'));
      const isSame = partsOf(out) === partsOf(join(folder, 'mirror'));
      verdicts.judge('the parts in the bucket are those in folders, byte for byte', isSame, `round ${round + 1}`);
    }
    const share = median(times.bucket) / median(times.folders);
    const seconds = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(', ');
    const figures = `${bytes} bytes; folders ${seconds(times.folders)} s, bucket ${seconds(times.bucket)} s: ${share.toFixed(2)}`;
    // Twenty megabytes are start-up and requests.
    verdicts.judge(`at most ${TIME_MAX} times the time with folders`, small || share <= TIME_MAX, figures);
  } finally {
    await bucket.close();
    await minio.stop();
  }
};

function partsOf(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.startsWith('part-'));
  return names
    .sort()
    .map((name) => `${name}\n${readFileSync(join(folder, name), 'latin1')}`)
    .join('');
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
