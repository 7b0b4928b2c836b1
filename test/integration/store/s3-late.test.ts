/** Writes whose connection broke and that land when everything has been cleared up, by a proxy before a real MinIO. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { Bucket } from '../../harness/bucket.js';
import type { Cluster } from '../../harness/cluster.js';
import { eventually } from '../../harness/command.js';
import { FaultProxy, type Rule } from '../../harness/fault-proxy.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';
import { everythingInBucket } from '../../harness/s3-contents.js';
import { expectRight, expectWhole, startTalk } from '../../harness/talk.js';
import { staged } from '../../contract/store/subject.js';

const late = { kind: 'late', client: 'dropped' } as const;

describeWithMinio('a write that lands late', () => {
  let proxy: FaultProxy;
  let bucket: Bucket;
  beforeEach(async () => {
    const direct = await sharedMinio();
    proxy = await FaultProxy.start({ server: direct.endpoint });
    bucket = await Bucket.on({ ...direct, endpoint: proxy.endpoint }, direct);
  });
  afterEach(() => proxy.close());

  test('begins an upload that is found by whoever clears up once more', async () => {
    const endpoint = new S3Endpoint({ access: bucket.access });
    const store = new S3Store({ uri: `s3://${bucket.name}`, access: bucket.access, endpoint });
    try {
      await proxy.setPlan({ rules: [{ fault: late, operations: ['CreateMultipartUpload'], nth: 1 }] });
      await store.publish(await staged(store, 'out/key', 'a', 'abc'));
      await store.discardStaged('out/', { willRepeat: true });
      expect(await proxy.deliver()).toEqual([200]);
      const left = await everythingInBucket(endpoint, store.uri);
      expect(left).toEqual([expect.stringMatching(/^out\/_staging\/key\/a\./), 'out/key', 'uploading out/key']);
      await store.discardStaged('out/');
      expect(await everythingInBucket(endpoint, store.uri)).toEqual(['out/key']);
    } finally {
      await endpoint.close();
      await bucket.close();
    }
  });

  test('is swept with its job once more, whatever it is', async () => {
    const rules: readonly Rule[] = [
      { name: 'mark', fault: late, operations: ['PutObject'], keyIncludes: '_staging/', nth: 1 },
      { name: 'begin', fault: late, operations: ['CreateMultipartUpload'], keyIncludes: '/out/', nth: 2 },
      { name: 'shuffle', fault: late, operations: ['PutObject'], keyIncludes: 'v1/shuffle/', nth: 1 },
    ];
    const coordinatorFlags = ['--lease-ms', '1500', '--late-write-ms', '1000'];
    const cluster: Cluster = await startTalk({ bucket, coordinatorFlags });
    try {
      await proxy.setPlan({ rules });
      cluster.place.hold('late-sweep');
      const watched = await cluster.watch(await cluster.submit('talk.ts'));
      expectRight(cluster, watched);
      await cluster.place.reached('late-sweep');
      expect(await proxy.deliver()).toEqual([200, 200, 200]);
      const left = await bucket.leftovers();
      for (const each of [/\/_staging\//, /^uploading .*\/out\//, /\/v1\/shuffle\//]) {
        expect(left).toContainEqual(expect.stringMatching(each));
      }
      cluster.place.release('late-sweep');
      await eventually(async () => (await bucket.leftovers()).length === 0);
      await expectWhole(cluster, bucket);
      expect((await proxy.counts()).injected).toEqual({ mark: 1, begin: 1, shuffle: 1 });
    } finally {
      await cluster.remove();
    }
  });
});
