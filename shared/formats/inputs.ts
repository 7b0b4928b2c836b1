/** From what a definition names to the objects that are there: the inputs of a plan, in one order whatever lists them. */
import { ERRORS, GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import type { PlannedInput } from '../plan.js';
import { compareKeys } from '../store/key.js';
import type { ObjectInfo } from '../store/object-store.js';
import { isS3Uri } from '../store/s3-uri.js';
import type { Locator } from '../store/stores.js';
import { filePath, fileUri, resolveUri } from '../store/uri.js';
import { filesOf } from './file-inputs.js';
import { objectsOf } from './object-inputs.js';

/** Looked up together. */
const LOOKUPS = 64;

/** Endings whose bytes are no lines. */
const NOT_BUILT = /\.(gz|tgz|zst|bz2|xz|lz4|lzma|br|zip|7z|snappy|parquet|avro|orc|arrow|feather|xlsx?)$/i;

/**
 * The objects that `uris` name, ascending by UTF-8 bytes of their URI, each once, read to their end. A URI without an object
 * is `input-not-found`, one that cannot be read `input-unreadable`, a compressed or columnar one `not-built-yet`.
 */
export async function expandInputs(uris: readonly string[], baseUri: string, stores: Locator): Promise<PlannedInput[]> {
  const found = new Map<string, ObjectInfo | undefined>();
  for (const uri of uris) {
    await addFound(found, uri, resolveUri(uri, baseUri), stores);
    if (found.size > limits.inputsMax) {
      throw new GristmillError('invalid-request', `the inputs are more than ${limits.inputsMax} objects, up to ${uri}`);
    }
  }
  const inputs: PlannedInput[] = [];
  const all = [...found];
  for (let at = 0; at < all.length; at += LOOKUPS) {
    const some = all.slice(at, at + LOOKUPS);
    inputs.push(...(await Promise.all(some.map(([uri, info]) => planned(uri, info, stores)))));
  }
  return inputs.sort((a, b) => compareKeys(a.uri, b.uri));
}

async function addFound(
  found: Map<string, ObjectInfo | undefined>,
  uri: string,
  resolved: string,
  stores: Locator,
): Promise<void> {
  if (!isS3Uri(resolved)) {
    for (const path of await filesOf(uri, resolved)) found.set(fileUri(path), undefined);
    return;
  }
  try {
    for (const object of await objectsOf(uri, resolved, stores)) found.set(object.uri, object.info);
  } catch (thrown) {
    throw unreadable(thrown, resolved, `input ${uri}`);
  }
}

async function planned(uri: string, found: ObjectInfo | undefined, stores: Locator): Promise<PlannedInput> {
  const name = isS3Uri(uri) ? uri : filePath(uri);
  const ending = NOT_BUILT.exec(name)?.[0];
  if (ending !== undefined) throw notBuilt(ending, name);
  const { store, key } = stores.locate(uri);
  const info = found ?? (await store.head(key));
  if (info === undefined) {
    const reason = name.includes('\ufffd') ? 'its name is not UTF-8' : 'it went away, or is no file';
    throw new GristmillError('input-unreadable', `cannot read ${name}: ${reason}`, { where: name });
  }
  const format = formatOf(await firstBytes(uri, name, stores));
  if (format !== undefined) throw notBuilt(format, name);
  return { uri, bytes: info.bytes, end: info.bytes, etag: info.etag };
}

function notBuilt(format: string, name: string): GristmillError {
  return new GristmillError('not-built-yet', `reading ${format} files is not built yet: ${name}`, { where: name });
}

/** Read, as a task will read it: permissions alone do not say whether that works. */
async function firstBytes(uri: string, name: string, stores: Locator): Promise<Uint8Array> {
  const { store, key } = stores.locate(uri);
  try {
    return await store.get(key, { range: { start: 0, end: SAMPLE_BYTES } });
  } catch (thrown) {
    throw unreadable(thrown, name, `cannot read ${name}`);
  }
}

/** What may be otherwise in a moment, and what says itself what is wrong with the input, stays as it is. */
function unreadable(thrown: unknown, where: string, what: string): GristmillError {
  const error = GristmillError.from(thrown);
  const { class: failureClass, retryable } = ERRORS[error.code];
  const isOfStore = failureClass === 'store' && (error.code === 'object-not-found' || !retryable);
  if (!isOfStore) return error;
  return new GristmillError('input-unreadable', `${what}: ${error.message}`, { cause: thrown, where });
}

const SAMPLE_BYTES = 8;

/** What files begin with that hold no lines, whatever they are called. None of them begins a text. */
const BEGINNINGS: readonly (readonly [format: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
];

function formatOf(bytes: Uint8Array): string | undefined {
  return BEGINNINGS.find(([, beginning]) => beginning.every((byte, i) => bytes[i] === byte))?.[0];
}
