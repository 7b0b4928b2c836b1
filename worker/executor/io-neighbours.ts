/**
 * Ranges of neighbouring partitions. In every shuffle object partitions lie side by side: the first task of a group reads the
 * bytes of all its partitions with one request for each object, into one file of the agent's job directory, and the tasks
 * that follow read from there. The file is no more than a shortcut: where it is missing, or broken, the objects are read.
 */
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartitionEntry } from '../../shared/codec/shuffle-object.js';
import { limits } from '../../shared/limits.js';
import type { StageVersion } from '../../shared/plan.js';
import type { PartitionRange } from '../../shared/protocol.js';
import { FileReader } from '../../shared/store/file-reader.js';
import { writeAll } from '../../shared/store/files.js';
import type { CallOptions, ObjectReader, ObjectStore } from '../../shared/store/object-store.js';
import type { LocalBytes } from '../ports.js';
import { asFetchFailure, fetchAll, isFetchFailure } from '../task/fetch-failure.js';
import type { ObjectEntries } from '../task/stage-sources.js';

interface Wanted {
  readonly version: StageVersion;
  readonly range: PartitionRange;
  /** Of the range; its first one is read with the others, which come after it. */
  readonly partition: number;
  /** Of the range's partitions. */
  readonly objects: readonly ObjectEntries[];
}

/** Bytes of an object, and where they lie in the file. */
interface Piece {
  readonly key: string;
  readonly attempt: string;
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

export class NeighbourReads {
  readonly #folder: string;
  readonly #store: ObjectStore;
  /** The file that this executor wrote last: it goes with the next one. */
  #path: string | undefined;

  constructor(folder: string, store: ObjectStore) {
    this.#folder = folder;
    this.#store = store;
  }

  /** Where the partition's bytes are, by object; undefined when nobody has read them. Throws fetch failures. */
  async of(wanted: Wanted, options: CallOptions): Promise<ReadonlyMap<string, LocalBytes> | undefined> {
    const { version, range, partition, objects } = wanted;
    if (range.end - range.first < 2) return undefined;
    const name = `together-${version.generation}.${version.revision}-${range.first}-${range.end}`;
    const path = join(this.#folder, name);
    const pieces = piecesOf(objects);
    if (!(await exists(path)) && !(partition === range.first && (await this.#fetch(path, pieces, options)))) {
      return undefined;
    }
    const local = new Map<string, LocalBytes>();
    const starts = new Map(objects.map(({ object, entries }) => [object.key, entries[partition - range.first]]));
    for (const { key, start, at } of pieces) {
      local.set(key, { path, offset: at + (starts.get(key)?.offset ?? start) - start });
    }
    return local;
  }

  /** True when the file is there. What befalls it costs requests, and is no error of the task's. */
  async #fetch(path: string, pieces: readonly Piece[], options: CallOptions): Promise<boolean> {
    if (this.#path !== undefined) await rm(this.#path, { force: true });
    this.#path = undefined;
    const temporary = `${path}.${process.pid}`;
    const file = await mkdir(this.#folder, { recursive: true })
      .then(() => open(temporary, 'w'))
      .catch(() => undefined);
    if (!file) return false;
    try {
      const written = await fetchAll(pieces, options, (piece, call) => this.#fetchPiece(file, piece, call));
      if (!written.every(Boolean)) return false;
      await rename(temporary, path);
      this.#path = path;
      return true;
    } finally {
      await file.close();
      await rm(temporary, { force: true });
    }
  }

  /** False when the disk does not take it. An object that is too short shows when its frames are read. */
  async #fetchPiece(file: FileHandle, piece: Piece, options: CallOptions): Promise<boolean> {
    const bytes = await this.#read(piece, options);
    return writeAll(file, bytes, piece.at).then(
      () => true,
      () => false,
    );
  }

  async #read({ key, attempt, start, end }: Piece, options: CallOptions): Promise<Uint8Array> {
    for (let reads = 1; ; reads++) {
      try {
        return await this.#store.get(key, { range: { start, end }, ...options });
      } catch (error) {
        if (!isFetchFailure(error) || reads >= limits.shuffleReadsMax) throw asFetchFailure(error, { key, attempt });
      }
    }
  }
}

/** One for each object that has records of the partitions and is small enough; in order, without gaps. */
function piecesOf(objects: readonly ObjectEntries[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { object, entries } of objects) {
    const [first, last] = [entries[0], entries.at(-1)] as [PartitionEntry, PartitionEntry];
    const [start, end] = [first.offset, last.offset + last.bytes];
    if (end === start || end - start > limits.neighbourReadBytesMax) continue;
    pieces.push({ key: object.key, attempt: object.attempt, start, end, at });
    at += end - start;
  }
  return pieces;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Undefined when the file is gone: then its bytes are read from their object. */
export async function openLocal({ path, offset }: LocalBytes, bytes: number): Promise<ObjectReader | undefined> {
  const handle = await open(path).catch(() => undefined);
  return handle && new FileReader({ handle, path, start: offset, end: offset + bytes });
}
