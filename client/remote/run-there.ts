/** `submit`, `run --coordinator` and `watch`: jobs that a standing coordinator runs. */
import { randomBytes } from 'node:crypto';
import { GristmillError, hasCode } from '../../shared/errors.js';
import { SIGNAL_EXIT_CODES } from '../command/exit-code.js';
import type { JobOptions, RunOptions } from '../command/run-options.js';
import { exitCodeFrom, follow } from '../follow.js';
import type { Job } from '../job-types.js';
import type { Places } from '../render/summary.js';
import { displayUri } from '../run/places.js';
import { placed, submitJob, type Submission } from '../submission.js';
import type { ClientConfig } from './config.js';
import { connected } from './connect.js';
import type { CommandContext } from './context.js';
import { withJob } from './job-name.js';

export interface SubmitRequest {
  readonly options: JobOptions;
  readonly json: boolean;
}

/** Prints the job's id as soon as the coordinator has it for good. Code that cannot work is refused before that. */
export async function submitThere(
  context: CommandContext,
  { options, json }: SubmitRequest,
  config: ClientConfig,
): Promise<number> {
  const { clock, write, stop, reporter } = context;
  // First of all, whether there is anybody to submit to.
  await connected(config, clock, (client) => client.list(1));
  try {
    const submission = await bundled(context, options);
    const { checkHere } = await import('../run/check-here.js');
    await checkHere(context, submission);
    const job = await connected(config, clock, (client) => submitJob(client, submission));
    write(json ? `${JSON.stringify({ job })}\n` : `${job}\n`);
    return 0;
  } catch (thrown) {
    if (stop.requested === undefined || !hasCode(thrown, 'aborted')) throw thrown;
    reporter.note('stopped before the job was submitted');
    return SIGNAL_EXIT_CODES[stop.requested];
  }
}

export interface RunThere {
  readonly options: RunOptions;
  readonly preview: ((job: Job) => Promise<void>) | undefined;
}

/** As a run here, with its exit codes: the first signal cancels the job and waits for its end. */
export async function runThere(
  context: CommandContext,
  { options, preview }: RunThere,
  config: ClientConfig,
): Promise<number> {
  const { clock, reporter, stop } = context;
  const code = await exitCodeFrom({ reporter, stop }, () => {
    if (options.workers !== undefined) {
      const hint = "its workers are those that 'gristmill worker' started";
      throw new GristmillError('command-line', `--workers is not for a run on a coordinator\nhint: ${hint}`);
    }
    return connected(config, clock, async (client) => {
      const job = await submitJob(client, await bundled(context, options));
      reporter.note(`job ${job} is submitted to ${config.values.coordinator}`);
      const outcome = placed(await follow({ client, job, reporter, stop, onStop: 'cancel' }), options.jobFile);
      reporter.outcome(outcome, placesHere(context), options.dryRun);
      if (!options.dryRun && outcome.state === 'completed') await preview?.(outcome);
      return outcome;
    });
  });
  reporter.close();
  return code;
}

export interface WatchRequest {
  readonly job: string;
  readonly cursor: number;
}

/** What `run` shows, of a job that was submitted before; a signal leaves the job alone. */
export async function watchThere(
  context: CommandContext,
  { job: name, cursor }: WatchRequest,
  config: ClientConfig,
): Promise<number> {
  const { clock, reporter, stop } = context;
  const code = await exitCodeFrom({ reporter, stop }, () =>
    connected(config, clock, (client) =>
      withJob(client, name, async (job) => {
        const outcome = await follow({ client, job, reporter, stop, cursor, onStop: 'leave' });
        reporter.outcome(outcome, placesHere(context), false);
        return outcome;
      }),
    ),
  );
  reporter.close();
  return code;
}

async function bundled({ directory, stop }: CommandContext, options: JobOptions): Promise<Submission> {
  const { bundleJob } = await import('../bundle/bundle.js');
  const bundle = await bundleJob(options.jobFile);
  if (stop.requested) throw new GristmillError('aborted', 'stopped before the job was submitted');
  return { bundle, options, directory, requestId: randomBytes(16).toString('hex') };
}

/** The coordinator's store is its own affair. */
function placesHere({ directory }: CommandContext): Places {
  return { display: (uri) => displayUri(uri, directory), storeUri: undefined };
}
