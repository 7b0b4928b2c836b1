/**
 * How staged outputs are found again. Servers list uploads that are not complete in ways of their own: MinIO only those of a
 * key that is named, or those that this very process of it remembers. So beside each key an empty object says that somebody
 * stages it: `<folder>/_staging/<name>/<attempt>.<writer>`. Listings skip it, as they do in a directory.
 */
import { STAGING, folderOf } from '../key.js';
import type { CallOptions } from '../object-store.js';
import type { S3Place } from './place.js';
import { deleteObjects } from './s3-delete.js';
import { listAll, uploadsOf } from './s3-list.js';
import { putObject } from './s3-objects.js';
import { abortUpload } from './s3-uploads.js';

export function markOf(key: string, attempt: string, writer: string): string {
  const folder = folderOf(key);
  return `${folder}${STAGING}/${key.slice(folder.length)}/${attempt}.${writer}`;
}

export async function putMark(place: S3Place, mark: string, options: CallOptions): Promise<void> {
  await putObject(place, mark, new Uint8Array(0), options);
}

/** The key that a mark stands for; undefined for what is no mark. */
function markedKey(mark: string): string | undefined {
  const segments = mark.split('/');
  const name = segments.at(-2);
  if (segments.at(-3) !== STAGING || name === undefined) return undefined;
  return [...segments.slice(0, -3), name].join('/');
}

/**
 * Says that a beginning got no answer: there may be an upload whose id nobody knows, or may be one later. Best effort, for
 * without it the server's own rule is what removes that upload.
 */
export async function putDoubt(place: S3Place, mark: string, options: CallOptions): Promise<void> {
  await putMark(place, mark + DOUBT, options).catch(() => undefined);
}

const DOUBT = '-twin';

interface DiscardMarkedOptions extends CallOptions {
  readonly deep: boolean;
  /** Marks of doubtful beginnings stay for the next call. */
  readonly willRepeat: boolean;
}

/** Aborts every upload of the keys that are marked in a folder, or in all below it, and removes the marks. */
export async function discardMarked(
  place: S3Place,
  folder: string,
  { deep, willRepeat, ...options }: DiscardMarkedOptions,
): Promise<void> {
  const marks: string[] = [];
  for await (const { key } of listAll(place, deep ? folder : `${folder}${STAGING}/`, options)) {
    if (markedKey(key) !== undefined) marks.push(key);
  }
  const keys = [...new Set(marks.map(markedKey))].filter((key) => key !== undefined);
  for (let at = 0; at < keys.length; at += AT_A_TIME) {
    await Promise.all(keys.slice(at, at + AT_A_TIME).map((key) => abortAll(place, key, options)));
  }
  const over = marks.filter((mark) => !willRepeat || !mark.endsWith(DOUBT));
  if (over.length > 0) await deleteObjects(place, over, options);
}

/** Keys whose uploads are aborted at a time. */
const AT_A_TIME = 8;

async function abortAll(place: S3Place, key: string, options: CallOptions): Promise<void> {
  for (const uploadId of await uploadsOf(place, key, options)) await abortUpload(place, key, uploadId, options);
}
