/**
 * What `Seal.staged` says of an upload: `<writer>/<upload id>[/<ETag>...]`, each escaped as in a URI. The ETags of the parts
 * are there when they are few, for the journal keeps seals; else the server is asked for them.
 */
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import { checkKey } from '../key.js';
import type { Seal } from '../object-store.js';

export interface StagedUpload {
  readonly writer: string;
  readonly uploadId: string;
  /** Of the parts 1, 2, ...; empty: to be listed. */
  readonly etags: readonly string[];
}

export function formatStaged({ writer, uploadId, etags }: StagedUpload): string {
  const kept = etags.length > limits.s3SealPartsMax ? [] : etags;
  return [writer, uploadId, ...kept].map(encodeURIComponent).join('/');
}

export function parseStaged({ staged }: Seal): StagedUpload {
  const [writer, uploadId, ...etags] = checkKey(staged).split('/').map(decode);
  if (writer === undefined || uploadId === undefined) throw invalid(staged);
  return { writer, uploadId, etags };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new GristmillError('invalid-id', 'a seal has half an escape', { cause });
  }
}

function invalid(staged: string): GristmillError {
  return new GristmillError('invalid-id', `a seal names no upload: ${JSON.stringify(staged.slice(0, 100))}`);
}
