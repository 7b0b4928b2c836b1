/**
 * `upload`: local files to where the workers of a fleet find them. Each file is staged, published and then read back and
 * compared, so what it says is there is there. What is there already with the same bytes is not sent again: an upload that was
 * interrupted goes on where it stopped.
 */
import { randomBytes } from 'node:crypto';
import { hex64 } from '../../shared/codec/checksum.js';
import { GristmillError, hasCode } from '../../shared/errors.js';
import { formatBytes, formatDuration, plural } from '../../shared/figures.js';
import { limits } from '../../shared/limits.js';
import type { Location, Locator } from '../../shared/store/stores.js';
import { baseUriOf, fileUri, resolveUri } from '../../shared/store/uri.js';
import { SIGNAL_EXIT_CODES } from '../command/exit-code.js';
import type { Screen } from '../command/run-options.js';
import type { CommandContext } from '../remote/context.js';
import { displayUri } from '../run/places.js';
import { copyObject, digestOf, expectSame, isSame, type Digest } from './copy.js';
import { localFiles, type LocalFile } from './local-files.js';
import { TransferProgress } from './progress.js';
import { severalAtATime } from './several.js';

export interface UploadRequest {
  readonly paths: readonly string[];
  /** The folder, or the prefix of keys, below which the files go. */
  readonly target: string;
  readonly overwrite: boolean;
  readonly screen: Screen;
}

interface Upload {
  readonly locator: Locator;
  readonly target: Location;
  readonly attempt: string;
  readonly overwrite: boolean;
  readonly progress: TransferProgress;
  /** The target as a person would write it, with a final slash. */
  readonly shown: string;
}

interface Uploaded extends Digest {
  readonly wasThere: boolean;
}

export async function upload(context: CommandContext, request: UploadRequest, locator: Locator): Promise<number> {
  const { directory, clock, reporter, stop } = context;
  const targetUri = resolveUri(request.target, baseUriOf(directory));
  const target = locator.locate(targetUri);
  const { files, leftOut } = await localFiles(request.paths, directory, locator, stop.signal);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const progress = new TransferProgress({
    doing: 'uploading',
    files: files.length,
    bytes: 2 * bytes, // sent, and read back
    clock,
    terminal: request.screen === 'full' ? context.terminal : undefined,
    note: request.screen === 'full' ? (line) => reporter.note(line) : undefined,
  });
  const shown = displayUri(targetUri, directory).replace(/\/*$/, '/');
  const attempt = `upload-${randomBytes(8).toString('hex')}`;
  const { overwrite } = request;
  const all: Upload = { locator, target, attempt, overwrite, progress, shown };
  let wereThere = 0;
  try {
    await severalAtATime(files, limits.transferFilesMax, stop.signal, async (file, signal) => {
      const uploaded = await uploadOne(all, file, signal);
      progress.fileDone();
      if (uploaded.wasThere) wereThere++;
      if (request.screen === 'json') context.write(fileLine(shown, file, uploaded));
    });
  } catch (thrown) {
    if (stop.requested === undefined) throw thrown;
  } finally {
    progress.end();
  }
  if (stop.requested) {
    reporter.note('stopped; what is uploaded stays, and the same command goes on from there');
    return SIGNAL_EXIT_CODES[stop.requested];
  }
  const sums = { files: files.length, bytes, wereThere, leftOut, target: shown };
  if (request.screen === 'json') context.write(`${JSON.stringify({ type: 'uploaded', ...sums })}\n`);
  else context.write(`${sentence(sums, progress.elapsedMs)}\n`);
  return 0;
}

async function uploadOne(all: Upload, file: LocalFile, signal: AbortSignal): Promise<Uploaded> {
  const { progress, attempt, overwrite } = all;
  const from = all.locator.locate(fileUri(file.path));
  const { store, key: folder } = all.target;
  const to = { store, key: folder === '' ? file.name : `${folder}/${file.name}` };
  const onBytes = (piece: Uint8Array) => progress.moved(piece.length);
  const before = await from.store.head(from.key, { signal });
  if (before === undefined) throw changed(file, 'it is gone');
  const there = await store.head(to.key, { signal });
  if (there?.bytes === before.bytes) {
    const [here, found] = await Promise.all([from, to].map((place) => digestOf(place, { signal, onBytes })));
    if (here && found && isSame(here, found)) return { ...here, wasThere: true };
  }
  if (there !== undefined && !overwrite) throw occupied(all.shown + file.name);
  const check = async () => {
    if ((await from.store.head(from.key, { signal }))?.etag !== before.etag) throw changed(file, 'it has changed');
  };
  const replaces = there !== undefined;
  const options = { bytes: before.bytes, attempt, replaces, signal, onBytes, check };
  const sent = await copyObject(from, to, options).catch((thrown: unknown) => {
    const isLost = hasCode(thrown, 'publish-lost') || hasCode(thrown, 'object-exists');
    throw isLost ? occupied(all.shown + file.name) : thrown;
  });
  try {
    expectSame(all.shown + file.name, await digestOf(to, { signal, onBytes }), sent);
  } catch (thrown) {
    // Else it would be in the way of the next upload.
    if (hasCode(thrown, 'content-differs')) await store.delete([to.key], { signal });
    throw thrown;
  }
  return { ...sent, wasThere: false };
}

function changed({ path }: LocalFile, how: string): GristmillError {
  return new GristmillError('input-changed', `cannot upload ${path}: ${how} meanwhile`);
}

function occupied(where: string): GristmillError {
  const hint = '--overwrite replaces it; jobs that are reading it will fail';
  return new GristmillError('output-occupied', `there is another object at ${where}\nhint: ${hint}`);
}

function fileLine(shown: string, { path, name }: LocalFile, { bytes, xxh64, wasThere }: Uploaded): string {
  const file = { type: 'file', path, target: shown + name, bytes, xxh64: hex64(xxh64), wasThere };
  return `${JSON.stringify(file)}\n`;
}

interface Sums {
  readonly files: number;
  readonly bytes: number;
  readonly wereThere: number;
  readonly leftOut: number;
  readonly target: string;
}

function sentence({ files, bytes, wereThere, leftOut, target }: Sums, elapsedMs: number): string {
  const there = wereThere === 0 ? '' : `, of which ${plural(wereThere, 'was', 'were')} there already`;
  const names = leftOut === 0 ? '' : `; ${plural(leftOut, 'file')} left out, whose names no input matches`;
  const took = formatDuration(elapsedMs);
  return `${plural(files, 'file')}, ${formatBytes(bytes)}, in ${target}${there}: sent, read back and compared in ${took}${names}`;
}
