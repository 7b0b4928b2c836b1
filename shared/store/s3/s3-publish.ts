/**
 * Makes a staged output visible, or removes it. An object's own metadata says which staged write it came from, so whoever
 * asks again, or after a crash, or after an answer was lost, finds out what has happened by looking at the object.
 */
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { CallOptions, Seal } from '../object-store.js';
import { isSealed, publishLost, stagedMissing } from '../seal-check.js';
import type { S3Place } from './place.js';
import { deleteObjects } from './s3-delete.js';
import { partsOf, type UploadedPart } from './s3-list.js';
import { headObject } from './s3-objects.js';
import { S3Reader } from './s3-reader.js';
import { parseStaged, type StagedUpload } from './s3-seal.js';
import { abortUpload, completeUpload, type Completion } from './s3-uploads.js';
import { markOf } from './staging-marks.js';

export async function publishSeal(place: S3Place, seal: Seal, options: CallOptions): Promise<void> {
  const upload = parseStaged(seal);
  await complete(place, seal, upload, options);
  // It is published: a mark that stays is found by whoever clears up after the job.
  await deleteObjects(place, [markOf(seal.key, seal.attempt, upload.writer)], options).catch(() => undefined);
}

async function complete(place: S3Place, seal: Seal, upload: StagedUpload, options: CallOptions): Promise<void> {
  for (let tries = 1; ; tries++) {
    // Before, since not every server keeps to the condition of a completion.
    if (await isPublished(place, seal, upload, options)) return;
    const completion = await completeOnce(place, seal, upload, options);
    if (completion === 'done') return;
    if (completion === 'gone') {
      if (await isPublished(place, seal, upload, options)) return;
      throw stagedMissing(seal);
    }
    if (tries > limits.storeRetriesMax) {
      const name = place.nameOf(seal.key);
      throw new GristmillError(
        'store-timeout',
        `cannot say whether ${name} is published: the store at ${place.endpoint.name} does not complete its upload`,
        { where: name },
      );
    }
    await place.endpoint.backOff(tries, options.signal);
  }
}

async function completeOnce(
  place: S3Place,
  seal: Seal,
  { uploadId, etags }: StagedUpload,
  options: CallOptions,
): Promise<Completion> {
  let parts: readonly Pick<UploadedPart, 'number' | 'etag'>[] = etags.map((etag, at) => ({ number: at + 1, etag }));
  if (parts.length === 0) {
    const listed = await partsOf(place, seal.key, uploadId, options);
    // Not all of them: it was not sealed, or a part is lost.
    if (listed?.reduce((sum, { bytes }) => sum + bytes, 0) !== seal.bytes) return 'gone';
    parts = listed;
  }
  return completeUpload(place, seal.key, uploadId, parts, options);
}

/** False when there is no object; `publish-lost` when it is another's. */
async function isPublished(place: S3Place, seal: Seal, upload: StagedUpload, options: CallOptions): Promise<boolean> {
  const holds = await whoseObject(place, seal, upload, options);
  if (holds === 'another') throw publishLost(seal);
  return holds === 'ours';
}

/** An object with the very bytes is as good as ours, whoever wrote it. */
async function whoseObject(
  place: S3Place,
  seal: Seal,
  { writer }: StagedUpload,
  options: CallOptions,
): Promise<'nobody' | 'ours' | 'another'> {
  const found = await headObject(place, seal.key, options);
  if (found === undefined) return 'nobody';
  if (found.writer === writer) return 'ours';
  if (found.bytes !== seal.bytes) return 'another';
  const reader = new S3Reader({ place, key: seal.key, range: undefined, signal: options.signal });
  try {
    return (await isSealed(seal, reader.pieces(limits.s3ReadBytes))) ? 'ours' : 'another';
  } finally {
    await reader.close();
  }
}

export async function discardSeal(place: S3Place, seal: Seal, options: CallOptions): Promise<void> {
  const upload = parseStaged(seal);
  await abortUpload(place, seal.key, upload.uploadId, options);
  const mark = markOf(seal.key, seal.attempt, upload.writer);
  const isOurs = (await whoseObject(place, seal, upload, options)) === 'ours';
  // Another attempt, or another job, may publish under the key.
  await deleteObjects(place, isOurs ? [seal.key, mark] : [mark], { ...options, forReuse: isOurs });
}
