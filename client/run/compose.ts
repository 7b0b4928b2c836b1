/**
 * `gristmill run` without a coordinator elsewhere: starts an engine of its own, sends it the job over gRPC on loopback as
 * any client does, shows what happens and stops all it started.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import type { StoreAccess } from '../../shared/store/stores.js';
import type { RunOptions } from '../command/run-options.js';
import { exitCodeFrom, follow } from '../follow.js';
import type { Job } from '../job-types.js';
import { createLogger } from '../log.js';
import type { Reporter } from '../render/reporter.js';
import { placed, submitJob } from '../submission.js';
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
  /** To stores that are no folders. */
  readonly access: StoreAccess;
  readonly clock: Clock;
  readonly stop: StopRequest;
  /** Shows some rows of a finished job; absent where nobody looks. */
  readonly preview?: ((job: Job) => Promise<void>) | undefined;
}

/** Runs one job from its file to its outcome; the exit code of the command. */
export async function runHere(context: RunContext): Promise<number> {
  const { options, reporter, stop } = context;
  const started = new Started();
  const stopped = 'stopped before the job began';
  const code = await exitCodeFrom({ reporter, stop, stopped }, () => bundleAndRun(context, started));
  reporter.close();
  const failures = await started.stopAll();
  if (options.verbose) for (const failure of failures) reporter.error(GristmillError.from(failure));
  return code;
}

async function bundleAndRun(context: RunContext, started: Started): Promise<Job> {
  const { options, reporter, stop, directory, clock } = context;
  // The compiler, the coordinator and the executors start at the same time; none waits for another.
  const engine = startHere(context, started);
  const bundling = import('../bundle/bundle.js').then(({ bundleJob }) => bundleJob(options.jobFile));
  const [bundled, running] = await Promise.allSettled([bundling, engine]);
  if (bundled.status === 'rejected') throw bundled.reason;
  if (running.status === 'rejected') throw running.reason;
  if (stop.requested) throw new GristmillError('aborted', 'stopped before the job began');
  const { client, store, stores, lost } = running.value;
  const requestId = randomBytes(16).toString('hex');
  const job = await submitJob(client, { bundle: bundled.value, options, directory, requestId });
  store.submitted = true;
  const pruning = prunePrivateStores(folderOf(store.private), stores, clock);
  started.add(() => pruning);
  const outcome = placed(await follow({ client, job, reporter, stop, lost, onStop: 'cancel' }), options.jobFile);
  const places = {
    display: (uri: string) => displayUri(uri, directory),
    storeUri: store.private.uri,
  };
  reporter.outcome(outcome, places, options.dryRun);
  if (!options.dryRun && outcome.state === 'completed') await context.preview?.(outcome);
  return outcome;
}

async function startHere(context: RunContext, started: Started): Promise<Engine> {
  const { options, directory, environment, access, clock } = context;
  const log = await createLogger(options.verbose ? 'debug' : 'silent');
  const { storeUri: folderUri, workers } = options;
  return startEngine({ directory, folderUri, workers, environment, access, clock, log }, started);
}
