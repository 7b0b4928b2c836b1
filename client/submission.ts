/** From a bundle and what the command line says of a job to a submitted one, whoever takes it. */
import { basename } from 'node:path';
import type { JobId } from '../shared/ids.js';
import { baseUriOf } from '../shared/store/uri.js';
import type { Bundle } from './bundle/bundle.js';
import type { JobOptions } from './command/run-options.js';
import type { JobClient } from './job-client.js';
import type { Job } from './job-types.js';

export interface Submission {
  readonly bundle: Bundle;
  readonly options: JobOptions;
  /** The current directory, at which relative URIs start. */
  readonly directory: string;
  /** Of this submission: sent again, it is the same job. */
  readonly requestId: string;
}

export async function submitJob(client: JobClient, submission: Submission): Promise<JobId> {
  const { bundle, options, directory, requestId } = submission;
  await client.uploadBundle(bundle.code, bundle.sha256);
  const { job } = await client.submit({
    requestId,
    name: basename(bundle.entry).replace(/\.[^.]*$/, ''),
    codeVersion: bundle.sha256,
    params: options.params,
    inputs: options.inputs,
    output: options.output,
    baseUri: baseUriOf(directory),
    overwrite: options.overwrite,
    limitRecords: options.limitRecords,
    dryRun: options.dryRun,
    weight: options.weight,
  });
  return job;
}

/** A definition that is wrong as a whole is wrong in its file. */
export function placed(job: Job, jobFile: string): Job {
  const { failure } = job;
  if (failure?.class !== 'definition' || failure.where !== undefined) return job;
  return { ...job, failure: { ...failure, where: basename(jobFile) } };
}
