/** `jobs` and `cancel`: what a standing coordinator knows of its jobs. */
import type { JobClient } from '../job-client.js';
import type { Job } from '../job-types.js';
import { jobLines, jobRows } from '../render/job-table.js';
import { jsonOf } from '../render/json.js';
import { displayUri } from '../run/places.js';
import type { ClientConfig } from './config.js';
import { connected } from './connect.js';
import type { CommandContext } from './context.js';
import { withJob } from './job-name.js';

export interface JobsRequest {
  /** Undefined: all. */
  readonly job: string | undefined;
  readonly limit: number;
  readonly json: boolean;
}

export async function jobsThere(context: CommandContext, request: JobsRequest, config: ClientConfig): Promise<number> {
  const { job: name } = request;
  const jobs = await connected(config, context.clock, async (client) =>
    name === undefined ? client.list(request.limit) : [await withJob(client, name, (job) => client.get(job))],
  );
  showJobs(context, request, jobs);
  return 0;
}

/** A table, one job in full, or an object of JSON for each. */
export function showJobs(context: CommandContext, { job, json }: JobsRequest, jobs: readonly Job[]): void {
  const { write, directory, clock, reporter } = context;
  const [first] = jobs;
  const display = (uri: string) => displayUri(uri, directory);
  let lines: string[];
  if (json) lines = jobs.map(jsonOf);
  else if (job !== undefined && first) lines = jobLines(first, clock.now(), display);
  else lines = jobRows(jobs, clock.now());
  if (jobs.length === 0 && !json) reporter.note('there are no jobs');
  else write(lines.map((line) => `${line}\n`).join(''));
}

export interface CancelRequest {
  readonly job: string;
  readonly reason: string;
  readonly json: boolean;
}

export async function cancelThere(
  context: CommandContext,
  { job: name, reason, json }: CancelRequest,
  config: ClientConfig,
): Promise<number> {
  const cancel = (client: JobClient) => withJob(client, name, (job) => client.cancel(job, reason));
  const job = await connected(config, context.clock, cancel);
  context.write(json ? `${jsonOf(job)}\n` : `${job.state}: job ${job.job}, ${job.name}\n`);
  return 0;
}
