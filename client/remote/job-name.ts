/** Jobs as people name them: an id that is not there is answered with the one that was probably meant. */
import { GristmillError, hasCode } from '../../shared/errors.js';
import { parseJobId, type JobId } from '../../shared/ids.js';
import { nearestName } from '../../shared/job/options.js';
import type { JobClient } from '../job-client.js';

/** So many characters at the start of an id are no coincidence. */
const PREFIX_MIN = 3;

/** What `use` gives; `job-not-found`, with the nearest id, where the coordinator knows no such job. */
export async function withJob<T>(client: JobClient, name: string, use: (job: JobId) => Promise<T>): Promise<T> {
  let job: JobId;
  try {
    job = parseJobId(name);
  } catch {
    throw await notFound(client, name);
  }
  try {
    return await use(job);
  } catch (thrown) {
    throw hasCode(thrown, 'job-not-found') ? await notFound(client, name) : thrown;
  }
}

async function notFound(client: JobClient, name: string): Promise<GristmillError> {
  const jobs = await client.list();
  return noSuchJob(
    name,
    jobs.map(({ job }) => job),
  );
}

export function noSuchJob(name: string, jobs: readonly JobId[]): GristmillError {
  const nearest = nearestJob(name, jobs);
  const hint = nearest === undefined ? '' : `\nhint: did you mean ${nearest}? 'gristmill jobs' lists what there is`;
  return new GristmillError('job-not-found', `there is no job ${JSON.stringify(name)}${hint}`);
}

function nearestJob(name: string, jobs: readonly JobId[]): string | undefined {
  const begun = name.length >= PREFIX_MIN ? jobs.filter((job) => job.startsWith(name)) : [];
  return begun.length === 1 ? begun[0] : nearestName(name, jobs);
}
