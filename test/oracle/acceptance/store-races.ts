/**
 * Many writers of one key on a real MinIO: probes of the store, races for a slot of the journal in which the answers of some
 * writers are lost, and attempts that publish one key at once. Each time exactly one wins, and its bytes are there.
 */
import { storeKeys } from '../../../shared/plan.js';
import { systemClock } from '../../../shared/clock.js';
import { hasCode } from '../../../shared/errors.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { probeStore } from '../../../shared/store/probe.js';
import { putOnce } from '../../../shared/store/put-once.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { failingRequests } from '../../harness/failing-requests.js';
import { freshBucket, hasMinio, isMinioRequired, minioPath, startMinio } from '../../harness/minio.js';
import { everythingInBucket } from '../../harness/s3-contents.js';
import type { Program } from './program.js';

/** Of a slot: coordinators that stand, start and stood still. */
const WRITERS = 8;
/** Of a key of an output: backup attempts, and those of dead workers. */
const PUBLISHERS = 8;

interface Place {
  readonly store: ObjectStore;
  /** Another process's; the answer to its next conditional put is lost. */
  unlucky(): ObjectStore;
}

/** What was wrong, or undefined. */
async function raceForSlot({ store, unlucky }: Place, slot: number): Promise<string | undefined> {
  const key = storeKeys.journal(slot);
  const writers = Array.from({ length: WRITERS }, (_, i) => ({
    store: i % 3 === 2 ? unlucky() : store,
    bytes: Buffer.from(`slot ${slot}, writer ${i}`),
  }));
  const results = await Promise.all(
    writers.map((writer) => putOnce(writer.store, key, writer.bytes, { clock: systemClock })),
  );
  const winners = writers.filter((_, i) => results[i] === 'won');
  const [winner] = winners;
  if (winners.length !== 1 || winner === undefined) return `slot ${slot} has ${winners.length} winners`;
  const found = await store.get(key);
  return winner.bytes.equals(found) ? undefined : `slot ${slot} does not hold its winner's bytes`;
}

async function raceForOutput({ store }: Place, n: number): Promise<string | undefined> {
  const key = `out/part-${n}`;
  const seals = await Promise.all(
    Array.from({ length: PUBLISHERS }, async (_, i) => {
      const stage = await store.stage(key, `reduce-${n}.1-${i}`);
      await stage.write(Buffer.from(`part ${n}, attempt ${i}`));
      return stage.seal();
    }),
  );
  const codes = await Promise.all(
    seals.map((seal) =>
      store.publish(seal).then(
        () => 'won',
        (thrown: unknown) => (hasCode(thrown, 'publish-lost') ? 'lost' : String(thrown)),
      ),
    ),
  );
  await store.discardStaged('out/');
  if (codes.filter((code) => code === 'won').length !== 1 || codes.some((code) => code !== 'won' && code !== 'lost')) {
    return `${key}: ${codes.join(', ')}`;
  }
  const found = Buffer.from(await store.get(key)).toString();
  return found === `part ${n}, attempt ${codes.indexOf('won')}` ? undefined : `${key} is not its winner's`;
}

export const storeRaces: Program = async ({ number, verdicts }) => {
  if (!hasMinio && !isMinioRequired) {
    verdicts.note(`skipped: there is no MinIO at ${minioPath()}; scripts/minio.sh build makes it`);
    return;
  }
  const runs = number('runs', 500, 20);
  const minio = await startMinio();
  const { access } = minio;
  const endpoint = new S3Endpoint({ access });
  const opened = [endpoint];
  try {
    const uri = `s3://${await freshBucket(access)}`;
    const place: Place = {
      store: new S3Store({ uri, access, endpoint }),
      unlucky: () => {
        const own = new S3Endpoint({ access, retriesMax: 0, send: failingRequests(1, 'after').send });
        opened.push(own);
        return new S3Store({ uri, access, endpoint: own });
      },
    };
    const judge = async (promise: string, race: (n: number) => Promise<string | undefined>) => {
      const beganMs = systemClock.monotonic();
      const wrong: string[] = [];
      for (let n = 1; n <= runs; n++) {
        const found = await race(n).catch((thrown: unknown) => String(thrown));
        if (found !== undefined) wrong.push(found);
        for (const own of opened.splice(1)) await own.close();
      }
      const seconds = ((systemClock.monotonic() - beganMs) / 1000).toFixed(1);
      const figures = `${runs} runs in ${seconds} s, ${wrong.length} wrong${wrong.length > 0 ? `: ${wrong[0]}` : ''}`;
      verdicts.judge(promise, wrong.length === 0, figures);
    };
    await judge('of 32 writers of a probe exactly one wins', async (n) => {
      await probeStore(place.store, { name: `probe-${n}` });
      return undefined;
    });
    await judge(`of ${WRITERS} writers of a slot, two of whose answers are lost, one wins and knows it`, (n) =>
      raceForSlot(place, n),
    );
    await judge(`of ${PUBLISHERS} attempts that publish a key exactly one wins`, (n) => raceForOutput(place, n));
    const left = (await everythingInBucket(endpoint, uri)).filter((name) => !/^(out|v1\/journal)\//.test(name));
    verdicts.judge(
      'nothing else is left in the bucket',
      left.length === 0,
      left.slice(0, 3).join(', ') || 'no object, no upload',
    );
    for (const [operation, { requests, retries, seconds }] of endpoint.counters.snapshot()) {
      const each = ((1000 * seconds) / requests).toFixed(1);
      verdicts.note(`${operation}: ${requests} requests, ${retries} of them again, ${each} ms each`);
    }
  } finally {
    for (const each of opened) await each.close();
    await minio.stop();
  }
};
