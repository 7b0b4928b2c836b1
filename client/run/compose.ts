/**
 * `gristmill run` without a coordinator elsewhere: starts an engine of its own, sends it the job over gRPC on loopback as
 * any client does, shows what happens and stops all it started.
 */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import { baseUriOf } from '../../shared/store/open.js';
import type { Bundle } from '../bundle/bundle.js';
import { exitCodeOf, exitCodeOfError, SIGNAL_EXIT_CODES } from '../command/exit-code.js';
import type { RunOptions } from '../command/run-options.js';
import type { JobClient } from '../job-client.js';
import type { Job } from '../job-types.js';
import { createLogger } from '../log.js';
import type { Reporter } from '../render/reporter.js';
import { displayUri } from './places.js';
import { startEngine, type Engine } from './engine.js';
import { folderOf, prunePrivateStores } from './private-store.js';
import { Started } from './started.js';
import type { StopRequest } from './stop-request.js';

export interface RunContext {
  readonly options: RunOptions;
  /** The current directory. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly stop: StopRequest;
  /** Shows some rows of a finished job; absent where nobody looks. */
  readonly preview?: ((job: Job) => Promise<void>) | undefined;
}

/** Runs one job from its file to its outcome; the exit code of the command. */
export async function runHere(context: RunContext): Promise<number> {
  const { options, reporter, stop } = context;
  const started = new Started();
  let code: number;
  try {
    const job = await bundleAndRun(context, started);
    code = exitCodeOf(job, stop.requested);
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    if (stop.requested && error.code === 'aborted') {
      reporter.note('stopped before the job began');
      code = SIGNAL_EXIT_CODES[stop.requested];
    } else {
      reporter.error(error);
      code = exitCodeOfError(error);
    }
  }
  reporter.close();
  const failures = await started.stopAll();
  if (options.verbose) for (const failure of failures) reporter.error(GristmillError.from(failure));
  return code;
}

async function bundleAndRun(context: RunContext, started: Started): Promise<Job> {
  const { options, reporter, stop } = context;
  // The compiler, the coordinator and the executors start at the same time; none waits for another.
  const engine = startHere(context, started);
  const bundling = import('../bundle/bundle.js').then(({ bundleJob }) => bundleJob(options.jobFile));
  const [bundled, running] = await Promise.allSettled([bundling, engine]);
  if (bundled.status === 'rejected') throw bundled.reason;
  if (running.status === 'rejected') throw running.reason;
  if (stop.requested) throw new GristmillError('aborted', 'stopped before the job began');
  const { client, store, lost } = running.value;
  const job = await submit(client, bundled.value, context);
  store.submitted = true;
  const pruning = prunePrivateStores(folderOf(store.private));
  started.add(() => pruning);
  const outcome = placed(await watch(client, job, context, lost), options.jobFile);
  const places = {
    display: (uri: string) => displayUri(uri, context.directory),
    storeUri: store.private.uri,
  };
  reporter.outcome(outcome, places, options.dryRun);
  if (!options.dryRun && outcome.state === 'completed') await context.preview?.(outcome);
  return outcome;
}

async function startHere(context: RunContext, started: Started): Promise<Engine> {
  const { options, directory, environment, clock } = context;
  const log = await createLogger(options.verbose ? 'debug' : 'silent');
  const { storeUri: folderUri, workers } = options;
  return startEngine({ directory, folderUri, workers, environment, clock, log }, started);
}

/** A definition that is wrong as a whole is wrong in its file. */
function placed(job: Job, jobFile: string): Job {
  const { failure } = job;
  if (failure?.class !== 'definition' || failure.where !== undefined) return job;
  return { ...job, failure: { ...failure, where: basename(jobFile) } };
}

async function submit(client: JobClient, bundle: Bundle, context: RunContext): Promise<JobId> {
  const { options } = context;
  await client.uploadBundle(bundle.code, bundle.sha256);
  const submitted = await client.submit({
    requestId: randomBytes(16).toString('hex'),
    name: basename(bundle.entry).replace(/\.[^.]*$/, ''),
    codeVersion: bundle.sha256,
    params: options.params,
    inputs: options.inputs,
    output: options.output,
    baseUri: baseUriOf(context.directory),
    overwrite: options.overwrite,
    limitRecords: options.limitRecords,
    dryRun: options.dryRun,
    weight: options.weight,
  });
  return submitted.job;
}

/** Shows the job's events until its outcome; the first signal cancels the job and goes on watching. */
async function watch(client: JobClient, job: JobId, context: RunContext, lost: Promise<never>): Promise<Job> {
  const { stop, reporter } = context;
  const giveUp = new AbortController();
  const cancel = () => void cancelJob(client, job, context);
  if (stop.requested) cancel();
  else stop.signal.addEventListener('abort', cancel, { once: true });
  const watching = (async () => {
    for await (const event of client.watch(job, { signal: giveUp.signal })) {
      reporter.event(event);
      if (event.type === 'outcome') return event.outcome;
    }
    throw new GristmillError('internal', 'the job ended without an outcome', { context: { job } });
  })();
  watching.catch(() => undefined);
  try {
    return await Promise.race([watching, lost]);
  } finally {
    giveUp.abort();
    stop.signal.removeEventListener('abort', cancel);
  }
}

async function cancelJob(client: JobClient, job: JobId, context: RunContext): Promise<void> {
  const { reporter, stop } = context;
  const name = stop.requested === 'SIGTERM' ? 'SIGTERM' : 'Ctrl-C';
  reporter.note(`${name}: cancelling job ${job} and waiting for its end; once more ends at once`);
  try {
    await client.cancel(job, name);
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    reporter.note(`the job cannot be cancelled any more, and goes on to its end: ${error.message}`);
  }
}
