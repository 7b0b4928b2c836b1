/** An object from one place to another: nothing is visible there before all its bytes have passed what checks them. */
import { createXxh64, hex64, xxh64 } from '../../shared/codec/checksum.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { Seal, StagedWrite } from '../../shared/store/object-store.js';
import type { Location } from '../../shared/store/stores.js';

export interface Digest {
  readonly bytes: number;
  readonly xxh64: bigint;
}

export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Told as bytes are read; the memory is valid until it returns. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

export interface CopyOptions extends TransferOptions {
  /** How many will come: few are sent as a whole, many as they come. */
  readonly bytes: number;
  /** Names the copy while it is in the making. */
  readonly attempt: string;
  /** An object that is there goes, as late as possible. */
  readonly replaces?: boolean;
  /** Called before the copy becomes visible; what it throws keeps it invisible for ever. */
  readonly check?: (copy: Digest) => Promise<void> | void;
}

/** What was copied. Throws `object-exists` or `publish-lost` when there is another object already. */
export async function copyObject(from: Location, to: Location, options: CopyOptions): Promise<Digest> {
  return options.bytes <= limits.transferWholeBytesMax ? copyWhole(from, to, options) : copyStaged(from, to, options);
}

async function copyWhole(from: Location, { store, key }: Location, options: CopyOptions): Promise<Digest> {
  const { signal, check, onBytes, replaces = false } = options;
  const pieces: Uint8Array[] = [];
  for await (const piece of from.store.stream(from.key, { signal })) {
    onBytes?.(piece);
    pieces.push(Uint8Array.from(piece));
  }
  const bytes = Buffer.concat(pieces);
  const copy = { bytes: bytes.length, xxh64: xxh64(bytes) };
  await check?.(copy);
  await store.put(key, bytes, { ifAbsent: !replaces, signal });
  return copy;
}

async function copyStaged(from: Location, { store, key }: Location, options: CopyOptions): Promise<Digest> {
  const { signal, attempt, check, replaces } = options;
  const seal = await staged(from, await store.stage(key, attempt, { signal }), options);
  try {
    await check?.(seal);
    if (replaces) await store.delete([key], { signal });
    await store.publish(seal, { signal });
    return { bytes: seal.bytes, xxh64: seal.xxh64 };
  } catch (thrown) {
    await store.discard(seal).catch(() => undefined);
    throw thrown;
  }
}

async function staged(from: Location, write: StagedWrite, { signal, onBytes }: CopyOptions): Promise<Seal> {
  try {
    for await (const piece of from.store.stream(from.key, { signal })) {
      onBytes?.(piece);
      await write.write(piece);
    }
    return await write.seal();
  } catch (thrown) {
    await write.abort().catch(() => undefined);
    throw thrown;
  }
}

/** Reads all of an object. */
export async function digestOf({ store, key }: Location, { signal, onBytes }: TransferOptions): Promise<Digest> {
  const hasher = createXxh64();
  let bytes = 0;
  for await (const piece of store.stream(key, { signal })) {
    hasher.update(piece);
    bytes += piece.length;
    onBytes?.(piece);
  }
  return { bytes, xxh64: hasher.digest() };
}

export function isSame(one: Digest, other: Digest): boolean {
  return one.bytes === other.bytes && one.xxh64 === other.xxh64;
}

/** Throws `content-differs` for what is in a place in the place of what should be. */
export function expectSame(what: string, found: Digest, wanted: Digest): void {
  if (isSame(found, wanted)) return;
  const described = ({ bytes, xxh64 }: Digest) => `${bytes} bytes with the checksum ${hex64(xxh64)}`;
  throw new GristmillError('content-differs', `${what} is damaged: ${described(found)}, not ${described(wanted)}`);
}
