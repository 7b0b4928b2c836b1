/** `jobs` and `logs` without a coordinator: what runs in this folder left in their private stores, read and not changed. */
import { readLogs } from '../../coordinator/grpc/job-logs.js';
import { jobView } from '../../coordinator/job-view.js';
import { replay } from '../../coordinator/replay.js';
import { attemptParts, type AttemptId } from '../../shared/ids.js';
import { openStore } from '../../shared/store/open.js';
import type { Job, LogChunk } from '../job-types.js';
import type { CommandContext } from '../remote/context.js';
import { showJobs, type JobsRequest } from '../remote/job-list.js';
import { noSuchJob } from '../remote/job-name.js';
import { selectionOf, showLogs, type LogSelection, type LogsRequest } from '../remote/logs.js';
import { privateFolder, privateStorePaths } from './private-store.js';

interface PrivateJob {
  readonly storePath: string;
  readonly job: Job;
}

export async function jobsHere(context: CommandContext, request: JobsRequest): Promise<number> {
  const all = await privateJobs(context);
  const shown = request.job === undefined ? all.slice(0, request.limit) : [named(all, request.job)];
  showJobs(
    context,
    request,
    shown.map(({ job }) => job),
  );
  return 0;
}

export async function logsHere(context: CommandContext, request: LogsRequest): Promise<number> {
  const found = named(await privateJobs(context), request.job);
  await showLogs(context, request, logsOf(found, selectionOf(request.task), context.stop.signal));
  return 0;
}

/** The newest first. A store that cannot be read is told, and the others are shown all the same. */
async function privateJobs({ directory, reporter }: CommandContext): Promise<readonly PrivateJob[]> {
  const found: PrivateJob[] = [];
  for (const storePath of await privateStorePaths(privateFolder(undefined, directory))) {
    const store = openStore(storePath);
    try {
      const { durable } = await replay(store);
      for (const job of durable.jobs.values()) found.push({ storePath, job: jobView(job, undefined) });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      reporter.note(`${storePath} cannot be read: ${reason}`);
    } finally {
      await store.close();
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
  { storePath, job: { job } }: PrivateJob,
  { task, attempt }: LogSelection,
  signal: AbortSignal,
): AsyncGenerator<LogChunk, void, undefined> {
  const store = openStore(storePath);
  const isWanted = (other: AttemptId) =>
    (attempt === undefined || other === attempt) && (task === undefined || attemptParts(other).task === task);
  try {
    const all = readLogs(store, { job, isWanted, after: { attempt: '', bytes: 0 } }, signal, Infinity);
    for await (const chunk of all) yield { attempt: chunk.attempt ?? '', text: chunk.text ?? '' };
  } finally {
    await store.close();
  }
}
