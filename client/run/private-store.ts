/**
 * The private store of one run: `.gristmill/<run>/`, below the current directory or the folder of `--store`. It keeps the
 * evidence of a job after the command has ended; of old ones the last `limits.privateJobsKept` stay.
 *
 *   <run>/owner.json   the process that it belongs to, so that nobody takes it away under a living run
 *   <run>/scratch/     files of executors; gone when the run ends, or swept by the next run if it was killed
 *   <run>/v1/          the coordinator's store; its shuffle objects go the same way
 *   <run>/store.json   instead of v1/, where `--store` is in a bucket: see remote-store.ts
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { ownerIsDead, type Owner } from '../../shared/store/owner.js';
import { isS3Uri } from '../../shared/store/s3-uri.js';
import type { Stores } from '../../shared/store/stores.js';
import { baseUriOf, filePath, fileUri, resolveUri } from '../../shared/store/uri.js';
import { noteRemoteStore, remoteStoreOf, sweepRemoteStore } from './remote-store.js';

const FOLDER = '.gristmill';
const OWNER_FILE = 'owner.json';
const SCRATCH = 'scratch';
const SHUFFLE = 'v1/shuffle';
const RUN_NAME = /^\d{8}-\d{6}-[0-9a-f]{8}$/;

export interface PrivateStore {
  readonly path: string;
  /** Without a final slash. */
  readonly uri: string;
  readonly scratchDir: string;
  /** Removes scratch files, and all of the store when no job was submitted to it. */
  end(submitted: boolean): Promise<void>;
}

export interface PrivateStoreOptions {
  /** Of `--store`. */
  readonly folderUri: string | undefined;
  /** The current directory. */
  readonly directory: string;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly stores: Stores;
  readonly random: (bytes: number) => Uint8Array;
}

/** Throws `store-denied` where nothing can be written. */
export function createPrivateStore(options: PrivateStoreOptions): PrivateStore {
  const { folderUri, directory, clock, stores } = options;
  const folder = privateFolder(folderUri, directory);
  const name = runName(clock.now(), options.random(4));
  const path = join(folder, name);
  const remote = isRemote(folderUri)
    ? `${resolveUri(folderUri, baseUriOf(directory)).replace(/\/$/, '')}/${name}`
    : undefined;
  let made: string | undefined;
  try {
    made = mkdirSync(path, { recursive: true });
    if (made !== path) ignoreInGit(folder);
    writeFileSync(join(path, OWNER_FILE), JSON.stringify(options.owner));
    if (remote !== undefined) noteRemoteStore(path, remote);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('store-denied', `cannot write intermediate data below ${folder}: ${reason}`, { cause });
  }
  return {
    path,
    uri: remote ?? fileUri(path),
    scratchDir: join(path, SCRATCH),
    async end(submitted) {
      if (!submitted && remote !== undefined) await sweepRemoteStore({ stores, clock, uri: remote });
      await remove(submitted ? join(path, SCRATCH) : path);
      if (!submitted && made !== undefined && made !== path) await removeFolder(folder);
    },
  };
}

/** Takes away what killed runs left behind, and all but the last stores of runs that have ended. */
export async function prunePrivateStores(folder: string, stores: Stores, clock: Clock): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => RUN_NAME.test(name)).sort();
  const surplus = names.length - limits.privateJobsKept;
  for (const [age, name] of names.entries()) {
    const path = join(folder, name);
    if (!(await hasEnded(path))) continue;
    const isSurplus = age < surplus;
    const uri = await remoteStoreOf(path);
    if (uri !== undefined && isSurplus) await sweepRemoteStore({ stores, clock, uri });
    // A run that ended in order has no scratch files, and its coordinator has removed the shuffle objects.
    else if (uri !== undefined && existsSync(join(path, SCRATCH))) {
      await sweepRemoteStore({ stores, clock, uri, prefix: `${SHUFFLE}/` });
    }
    for (const part of isSurplus ? ['.'] : [SCRATCH, SHUFFLE]) await remove(join(path, part));
  }
}

/** Stores of runs in the folder, as paths or URIs, the newest first. */
export async function privateStores(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => RUN_NAME.test(name));
  const paths = names
    .sort()
    .reverse()
    .map((name) => join(folder, name));
  return Promise.all(paths.map(async (path) => (await remoteStoreOf(path)) ?? path));
}

function isRemote(folderUri: string | undefined): folderUri is string {
  return folderUri !== undefined && isS3Uri(folderUri);
}

/** Here, also of a store in a bucket: executors need a local disk. */
export function privateFolder(folderUri: string | undefined, directory: string): string {
  if (folderUri === undefined || isRemote(folderUri)) return join(directory, FOLDER);
  return filePath(resolveUri(folderUri, baseUriOf(directory)));
}

/** Names sort by age; the random end keeps runs of one second apart. */
function runName(nowMs: number, random: Uint8Array): string {
  const [day = '', time = ''] = new Date(nowMs).toISOString().replace(/[-:]/g, '').split(/[T.]/);
  return `${day}-${time}-${Buffer.from(random).toString('hex')}`;
}

/** Nobody means to commit intermediate data. */
function ignoreInGit(folder: string): void {
  writeFileSync(join(folder, '.gitignore'), '*\n');
}

async function hasEnded(path: string): Promise<boolean> {
  try {
    return ownerIsDead(JSON.parse(await readFile(join(path, OWNER_FILE), 'utf8')) as Owner);
  } catch {
    return false; // without a readable owner nothing is certain
  }
}

/** What cannot be removed is kept: it is in nobody's way. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

async function removeFolder(folder: string): Promise<void> {
  await rm(join(folder, '.gitignore'), { force: true }).catch(() => undefined);
  await rmdir(folder).catch(() => undefined); // another run may use it by now
}

/** The folder in which a private store lies. */
export function folderOf(store: PrivateStore): string {
  return dirname(store.path);
}
