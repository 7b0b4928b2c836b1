/** Every promise of the store port, kept by a real MinIO: with our own repetitions, and where they do not help. */
import { afterAll, beforeAll } from 'vitest';
import { limits } from '../../../shared/limits.js';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { failingRequests } from '../../harness/failing-requests.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';
import { everythingInBucket } from '../../harness/s3-contents.js';
import { describeStore } from './contract.js';

/** Fewer than the suite lists, so that listings have pages. */
const keysPerPage = 50;

interface Variant {
  readonly when: 'before' | 'after';
  readonly retriesMax: number;
  readonly prefix: string;
}

describeWithMinio('on MinIO', () => {
  let access: S3Access;
  let endpoint: S3Endpoint;
  beforeAll(async () => {
    access = await sharedMinio();
    endpoint = new S3Endpoint({ access });
  });
  afterAll(() => endpoint.close());

  const variants: readonly Variant[] = [
    { when: 'before', retriesMax: 0, prefix: '' },
    { when: 'after', retriesMax: 0, prefix: '/some/where' },
    { when: 'after', retriesMax: limits.storeRetriesMax, prefix: '' },
  ];
  for (const { when, retriesMax, prefix } of variants) {
    const name = `S3Store, whose requests fail ${when} they take effect and are repeated ${retriesMax} times`;
    describeStore(name, async () => {
      const bucket = await freshBucket(access);
      const uri = `s3://${bucket}${prefix}`;
      const opened: S3Endpoint[] = [];
      return {
        store: new S3Store({ uri, access, endpoint, keysPerPage }),
        other: new S3Store({ uri, access, endpoint, keysPerPage }),
        failing: (n) => {
          const { send, calls } = failingRequests(n, when);
          const failing = new S3Endpoint({ access, send, retriesMax });
          opened.push(failing);
          return { store: new S3Store({ uri, access, endpoint: failing, keysPerPage }), calls };
        },
        leftovers: () => everythingInBucket(endpoint, uri),
        dispose: async () => {
          for (const each of opened) await each.close();
        },
      };
    });
  }
});
