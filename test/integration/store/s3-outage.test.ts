/** A MinIO that is killed and started again under a store. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Place } from '../../../shared/store/s3/place.js';
import { uploadsOf } from '../../../shared/store/s3/s3-list.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { codeOf, keysOf, read, staged, text } from '../../contract/store/subject.js';
import { freshBucket, startMinio, type RunningMinio } from '../../harness/minio.js';
import { describeWithMinio } from '../../harness/minio-suite.js';
import { everythingInBucket } from '../../harness/s3-contents.js';

/** A loaded machine takes long to start a server. */
const patienceMs = 50_000;

describeWithMinio('a MinIO that is killed', () => {
  let minio: RunningMinio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio.stop());

  test('is waited for: calls go on where they were when it is back, and none of them fails or counts twice', async () => {
    const { access } = minio;
    let silent = 0;
    let isAway = (): void => undefined;
    const away = new Promise<void>((resolve) => (isAway = resolve));
    const endpoint = new S3Endpoint({
      access,
      patienceMs,
      onRequest: ({ outcome }) => {
        if (outcome === 'silent') silent += 1;
        if (!endpoint.isAnswering || silent > 3) isAway();
      },
    });
    try {
      const uri = `s3://${await freshBucket(access)}`;
      const store = new S3Store({ uri, access, endpoint });
      await store.put('there', text('x'));
      const sealed = await staged(store, 'out/sealed', 'a', 'sealed before');
      await staged(store, 'out/left', 'dead', 'left before');
      const open = await store.stage('out/open', 'b');
      await open.write(text('begun before, '));
      await minio.kill();
      const calls = [
        ...Array.from({ length: 12 }, (_, i) => store.put(`slot-${i}`, text(`${i}`), { ifAbsent: true })),
        ...Array.from({ length: 12 }, () => read(store, 'there')),
        keysOf(store, 'there'),
        store.publish(sealed),
      ];
      await away;
      await minio.startAgain();
      await Promise.all(calls);
      await open.write(text('ended after'));
      await store.publish(await open.seal());
      expect(await read(store, 'out/open')).toBe('begun before, ended after');
      expect(await read(store, 'out/sealed')).toBe('sealed before');
      for (let i = 0; i < 12; i++) {
        expect(await read(store, `slot-${i}`)).toBe(`${i}`);
        expect(await codeOf(store.put(`slot-${i}`, text('again'), { ifAbsent: true }))).toBe('object-exists');
      }
      // Most calls waited for the one that tried, instead of trying as well.
      const { requests, errors } = [...endpoint.counters.snapshot().values()].reduce(
        (sum, each) => ({ requests: sum.requests + each.requests, errors: sum.errors + each.errors }),
        { requests: 0, errors: 0 },
      );
      expect(errors).toBeGreaterThan(0);
      expect(errors).toBeLessThan(requests);
      // The new process of the server remembers no upload of the old one; the marks do.
      const place = new S3Place(endpoint, uri);
      expect(await uploadsOf(place, 'out/left', {})).toHaveLength(1);
      await store.discardStaged('out/');
      expect(await uploadsOf(place, 'out/left', {})).toEqual([]);
      expect(await codeOf(store.publish(await again(store, 'out/left')))).toBe('none');
      expect((await everythingInBucket(endpoint, uri)).filter((name) => !name.startsWith('slot-'))).toEqual([
        'out/left',
        'out/open',
        'out/sealed',
        'there',
      ]);
    } finally {
      await endpoint.close();
    }
  });

  const again = (store: S3Store, key: string) => staged(store, key, 'c', 'by another');

  test('and does not come back is told, with what did not happen', async () => {
    const endpoint = new S3Endpoint({ access: minio.access, patienceMs: 300 });
    const store = new S3Store({ uri: 's3://bucket', access: minio.access, endpoint });
    await minio.kill();
    try {
      const codes = await Promise.all([
        codeOf(store.get('key')),
        codeOf(store.put('key', text('x'))),
        codeOf(store.put('key', text('x'), { ifAbsent: true })),
        codeOf(store.stage('key', 'a')),
        codeOf(keysOf(store, '')),
      ]);
      expect(new Set(codes)).toEqual(new Set(['store-unavailable']));
    } finally {
      await endpoint.close();
    }
  });
});
