import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';
import { everythingInBucket } from '../../harness/s3-contents.js';
import { outcome, step, type World } from './store-steps.js';

describeWithMinio('a bucket of a real MinIO', () => {
  let access: S3Access;
  let endpoint: S3Endpoint;
  let bucket: string;
  beforeAll(async () => {
    access = await sharedMinio();
    endpoint = new S3Endpoint({ access });
    bucket = await freshBucket(access);
  });
  afterAll(() => endpoint.close());

  test('and memory give the same answers to any sequence of calls, and nothing is left that the calls do not leave', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        runs += 1;
        const uri = `s3://${bucket}/run-${runs}`;
        const stores = [new S3Store({ uri, access, endpoint }), new MemoryStore()] as const;
        const worlds = stores.map((): World => ({ stages: [], seals: [] }));
        for (const { name, run } of steps) {
          const [bucketed, memory] = await Promise.all(stores.map((store, i) => outcome(run, store, worlds[i]!)));
          expect(bucketed, name).toEqual(memory);
        }
        await stores[0].discardStaged('', { deep: true });
        const names: string[] = [];
        for await (const { key } of stores[0].list('')) names.push(key);
        const left = await everythingInBucket(endpoint, `s3://${bucket}`);
        const here = left.filter((name) => name.includes(`run-${runs}/`));
        expect(here).toEqual(names.map((name) => `run-${runs}/${name}`));
      }),
      { numRuns: 40 },
    );
  });
});
