/**
 * `results`: the rows of a job to standard output in the order of its parts, or its parts into a folder. Every part is
 * verified against the manifest; in a folder nothing is visible before that, and the manifest comes last.
 */
import { randomBytes } from 'node:crypto';
import { GristmillError, hasCode } from '../../shared/errors.js';
import { formatBytes, formatDuration, plural } from '../../shared/figures.js';
import { limits } from '../../shared/limits.js';
import { outputNames } from '../../shared/plan.js';
import type { Location, Locator } from '../../shared/store/stores.js';
import { baseUriOf, resolveUri } from '../../shared/store/uri.js';
import { createXxh64 } from '../../shared/codec/checksum.js';
import type { ManifestPart } from '../../shared/codec/manifest.js';
import { SIGNAL_EXIT_CODES } from '../command/exit-code.js';
import type { Screen } from '../command/run-options.js';
import type { Job } from '../job-types.js';
import type { CommandContext } from '../remote/context.js';
import { displayUri } from '../run/places.js';
import { copyObject, type CopyOptions, type Digest } from './copy.js';
import { TransferProgress } from './progress.js';
import { PartCheck, readingPart, resultOf, type Result } from './result.js';
import { severalAtATime } from './several.js';

export interface ResultsRequest {
  readonly job: string;
  /** A folder that is empty or not there; undefined: standard output. */
  readonly to: string | undefined;
  readonly screen: Screen;
}

export async function showResults(
  context: CommandContext,
  { to, screen }: ResultsRequest,
  job: Job,
  locator: Locator,
): Promise<number> {
  const { stop, reporter } = context;
  try {
    const result = await resultOf(job, locator, stop.signal);
    if (to === undefined) await printRows(context, result);
    else await fetchParts(context, { result, locator, to, screen, job });
    if (!result.manifest.complete) reporter.note(`job ${job.job} did not read all of its input: its result is a part`);
    return 0;
  } catch (thrown) {
    if (stop.requested === undefined || !hasCode(thrown, 'aborted')) throw thrown;
    reporter.note('stopped');
    return SIGNAL_EXIT_CODES[stop.requested];
  }
}

/** Ends early when nobody reads any more. */
async function printRows({ writeBytes, stop }: CommandContext, { manifest, at }: Result): Promise<void> {
  for (const part of manifest.parts) {
    const isRead = await readingPart(part, () => printPart(at(part.key), part, writeBytes, stop.signal));
    if (!isRead) return;
  }
}

async function printPart(
  { store, key }: Location,
  part: ManifestPart,
  writeBytes: CommandContext['writeBytes'],
  signal: AbortSignal,
): Promise<boolean> {
  const check = new PartCheck(part);
  const hasher = createXxh64();
  let bytes = 0;
  for await (const piece of store.stream(key, { signal })) {
    check.take(piece);
    hasher.update(piece);
    bytes += piece.length;
    if (!(await writeBytes(piece))) return false;
  }
  check.end({ bytes, xxh64: hasher.digest() });
  return true;
}

interface Fetch {
  readonly result: Result;
  readonly locator: Locator;
  readonly to: string;
  readonly screen: Screen;
  readonly job: Job;
}

async function fetchParts(context: CommandContext, { result, locator, to, screen, job }: Fetch): Promise<void> {
  const { directory, clock, reporter, stop } = context;
  const { manifest } = result;
  const targetUri = resolveUri(to, baseUriOf(directory));
  const target = locator.locate(targetUri);
  const shown = displayUri(targetUri, directory).replace(/\/*$/, '/');
  await refuseOccupied(target, shown, stop.signal);
  const bytes = manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
  const progress = new TransferProgress({
    doing: 'fetching',
    files: manifest.parts.length,
    bytes,
    clock,
    terminal: screen === 'full' ? context.terminal : undefined,
    note: screen === 'full' ? (line) => reporter.note(line) : undefined,
  });
  try {
    await fetchAll(result, target, progress, stop.signal);
  } finally {
    progress.end();
  }
  const { parts, counts } = manifest;
  const sums = { job: job.job, parts: parts.length, rows: counts.rowsWritten, bytes, target: shown };
  const took = formatDuration(progress.elapsedMs);
  const said = `${plural(sums.rows, 'row')} in ${plural(sums.parts, 'part')}, ${formatBytes(bytes)}`;
  const line =
    screen === 'json' ? JSON.stringify({ type: 'fetched', ...sums }) : `${said}, verified, in ${shown} in ${took}`;
  context.write(`${line}\n`);
}

/** All of it or nothing: what was fetched before a failure is removed. */
async function fetchAll(
  result: Result,
  target: Location,
  progress: TransferProgress,
  signal: AbortSignal,
): Promise<void> {
  const { manifest, at } = result;
  const { store, key } = target;
  const to = (name: string) => ({ store, key: key === '' ? name : `${key}/${name}` });
  const attempt = `results-${randomBytes(8).toString('hex')}`;
  const fetched: string[] = [];
  const fetchOne = async (name: string, options: Omit<CopyOptions, 'attempt'>) => {
    await copyObject(at(name), to(name), { attempt, ...options });
    fetched.push(to(name).key);
  };
  try {
    await severalAtATime(manifest.parts, limits.transferFilesMax, signal, async (part, either) => {
      const check = new PartCheck(part);
      const onBytes = (piece: Uint8Array) => {
        check.take(piece);
        progress.moved(piece.length);
      };
      const options = { bytes: part.bytes, signal: either, onBytes, check: (copy: Digest) => check.end(copy) };
      await readingPart(part, () => fetchOne(part.key, options));
      progress.fileDone();
    });
    if (signal.aborted) throw new GristmillError('aborted', 'stopped before all parts were fetched');
    await fetchOne(outputNames.manifest, { signal, bytes: 0 });
    const success = at(outputNames.success);
    if (await success.store.head(success.key, { signal })) await fetchOne(outputNames.success, { signal, bytes: 0 });
  } catch (thrown) {
    await store.delete(fetched).catch(() => undefined);
    throw thrown;
  }
}

async function refuseOccupied({ store, key }: Location, shown: string, signal: AbortSignal): Promise<void> {
  let isOccupied = key !== '' && (await store.head(key, { signal })) !== undefined;
  for await (const _ of store.list(key === '' ? '' : `${key}/`, { signal })) {
    isOccupied = true;
    break;
  }
  if (!isOccupied) return;
  const hint = 'name a folder that is empty or not there yet';
  throw new GristmillError('output-occupied', `${shown} is not an empty folder\nhint: ${hint}`);
}
