/** `jobs`, `logs` and `results` without a coordinator: what runs in this folder left in their private stores, read and not changed. */
import { readLogs } from '../../coordinator/grpc/job-logs.js';
import { jobView } from '../../coordinator/job-view.js';
import { replay } from '../../coordinator/replay.js';
import { storeAccessOf } from '../../shared/config/s3.js';
import { attemptParts, type AttemptId, type JobId } from '../../shared/ids.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { Stores } from '../../shared/store/stores.js';
import type { Job, LogChunk } from '../job-types.js';
import type { CommandContext } from '../remote/context.js';
import { runConfig } from '../remote/config.js';
import { showJobs, type JobsRequest } from '../remote/job-list.js';
import { noSuchJob } from '../remote/job-name.js';
import { selectionOf, showLogs, type LogSelection, type LogsRequest } from '../remote/logs.js';
import { privateFolder, privateStores } from './private-store.js';

interface PrivateJob {
  readonly storePath: string;
  readonly job: Job;
}

export async function jobsHere(context: CommandContext, request: JobsRequest): Promise<number> {
  const all = await withStores(context, (stores) => privateJobs(context, stores));
  const shown = request.job === undefined ? all.slice(0, request.limit) : [named(all, request.job)];
  showJobs(
    context,
    request,
    shown.map(({ job }) => job),
  );
  return 0;
}

export async function jobHere(context: CommandContext, name: string): Promise<Job> {
  return named(await withStores(context, (stores) => privateJobs(context, stores)), name).job;
}

export async function logsHere(context: CommandContext, request: LogsRequest): Promise<number> {
  await withStores(context, async (stores) => {
    const { storePath, job } = named(await privateJobs(context, stores), request.job);
    const chunks = logsOf(stores.open(storePath), job.job, selectionOf(request.task), context.stop.signal);
    await showLogs(context, request, chunks);
  });
  return 0;
}

/** Of runs whose store is in a bucket: with what the environment says of S3. */
async function withStores<T>(context: CommandContext, use: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = new Stores(storeAccessOf(runConfig({ ...context, flags: {} })));
  try {
    return await use(stores);
  } finally {
    await stores.close();
  }
}

/** The newest first. A store that cannot be read is told, and the others are shown all the same. */
async function privateJobs({ directory, reporter }: CommandContext, stores: Stores): Promise<readonly PrivateJob[]> {
  const found: PrivateJob[] = [];
  for (const storePath of await privateStores(privateFolder(undefined, directory))) {
    try {
      const { durable } = await replay(stores.open(storePath));
      for (const job of durable.jobs.values()) found.push({ storePath, job: jobView(job, undefined) });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      reporter.note(`${storePath} cannot be read: ${reason}`);
    }
  }
  return found;
}

function named(all: readonly PrivateJob[], name: string): PrivateJob {
  const found = all.find(({ job }) => job.job === name);
  if (found) return found;
  throw noSuchJob(
    name,
    all.map(({ job }) => job.job),
  );
}

async function* logsOf(
  store: ObjectStore,
  job: JobId,
  { task, attempt }: LogSelection,
  signal: AbortSignal,
): AsyncGenerator<LogChunk, void, undefined> {
  const isWanted = (other: AttemptId) =>
    (attempt === undefined || other === attempt) && (task === undefined || attemptParts(other).task === task);
  const all = readLogs(store, { job, isWanted, after: { attempt: '', bytes: 0 } }, signal, Infinity);
  for await (const chunk of all) yield { attempt: chunk.attempt ?? '', text: chunk.text ?? '' };
}
