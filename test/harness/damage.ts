/** Damage to stored shuffle objects, by seed: each kind hits bytes that some reduce task must read. */
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { identityOf } from '../../shared/codec/frame.js';
import {
  parseIndex,
  parseTail,
  TAIL_BYTES,
  type PartitionEntry,
  type ShuffleTail,
} from '../../shared/codec/shuffle-object.js';
import type { SeededRandom } from '../simulation/random.js';

export interface StoredObject {
  readonly path: string;
  readonly bytes: Buffer;
  readonly tail: ShuffleTail;
  /** Of partitions that have records. */
  readonly entries: readonly PartitionEntry[];
}

/** `path` ends in `<job>/<2 hex>/<attempt>`. */
export function storedObject(path: string): StoredObject {
  const [job = '', , attempt = ''] = path.split('/').slice(-3);
  const bytes = readFileSync(path);
  const tail = parseTail(bytes.subarray(-TAIL_BYTES), identityOf(job, attempt), bytes.length);
  const { partitions } = parseIndex(bytes.subarray(tail.indexOffset, tail.firstKeysOffset), tail);
  return { path, bytes, tail, entries: partitions.filter(({ records }) => records > 0) };
}

type Damage = (object: StoredObject, random: SeededRandom, other: StoredObject) => void;

function flip({ path, bytes }: StoredObject, from: number, length: number, random: SeededRandom): void {
  const changed = Buffer.from(bytes);
  const at = from + random.between(0, length - 1);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.between(0, 7));
  writeFileSync(path, changed);
}

export const damages: Readonly<Record<string, Damage>> = {
  'a bit of a frame': (object, random) => {
    const { offset, bytes } = random.pick(object.entries);
    flip(object, offset, bytes, random);
  },
  'a bit of the index': (object, random) => flip(object, object.tail.indexOffset, object.tail.indexBytes, random),
  'a bit of the tail': (object, random) => flip(object, object.bytes.length - TAIL_BYTES, TAIL_BYTES, random),
  gone: ({ path }) => rmSync(path),
  empty: ({ path }) => truncateSync(path, 0),
  'cut off': ({ path, bytes }, random) => truncateSync(path, random.between(1, bytes.length - 1)),
  'cut off where its frames end': ({ path, tail }) => truncateSync(path, tail.indexOffset),
  'of another attempt': ({ path }, _random, other) => copyFileSync(other.path, path),
  'a frame twice': ({ path, bytes, entries }, random) => {
    const { offset, bytes: length } = random.pick(entries);
    const others = entries.filter((entry) => entry.offset !== offset);
    const target = others.length === 0 ? offset + length - 1 : random.pick(others).offset;
    const changed = Buffer.from(bytes);
    bytes.copy(changed, target, offset, Math.min(offset + length, offset + (bytes.length - target)));
    writeFileSync(path, changed);
  },
};

/** Damages one of the objects, and says how; `seed` also says which. */
export function damage(paths: readonly string[], kind: string, random: SeededRandom): string {
  const objects = paths.map(storedObject);
  const object = random.pick(objects);
  const other = objects.find(({ path }) => path !== object.path) ?? object;
  damages[kind]?.(object, random, other);
  return object.path;
}
