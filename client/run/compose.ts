/**
 * `gristmill run` without a coordinator elsewhere: hosts the same coordinator and agent as a fleet in this process, talks
 * to them over gRPC on loopback, and stops all it started. Executors are child processes, as everywhere.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism, totalmem } from 'node:os';
import { basename } from 'node:path';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { parseWorkerId, type JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { baseUriOf, openStore } from '../../shared/store/open.js';
import { currentOwner } from '../../shared/store/owner.js';
import type { Agent } from '../../worker/agent.js';
import type { Bundle } from '../bundle/bundle.js';
import { exitCodeOf, exitCodeOfError, SIGNAL_EXIT_CODES } from '../command/exit-code.js';
import type { RunOptions } from '../command/run-options.js';
import type { JobClient } from '../job-client.js';
import type { Job } from '../job-types.js';
import { createLogger } from '../log.js';
import type { Reporter } from '../render/reporter.js';
import { displayUri } from './places.js';
import { createPrivateStore, folderOf, prunePrivateStores, type PrivateStore } from './private-store.js';
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

/** What was started, to be stopped in the opposite order. */
class Started {
  readonly #stops: (() => unknown)[] = [];

  add(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  /** One part that cannot be stopped does not keep the others running. */
  async stopAll(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    return failures;
  }
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
  const bundling = import('../bundle/bundle.js').then(({ bundleJob }) => bundleJob(options.jobFile));
  const engine = startEngine(context, started);
  const [bundled, running] = await Promise.allSettled([bundling, engine]);
  if (bundled.status === 'rejected') throw bundled.reason;
  if (running.status === 'rejected') throw running.reason;
  if (stop.requested) throw new GristmillError('aborted', 'stopped before the job began');
  const { client, store, lost } = running.value;
  const job = await submit(client, bundled.value, context);
  store.submitted = true;
  started.add(() => prunePrivateStores(folderOf(store.private)));
  const outcome = placed(await watch(client, job, context, lost), options.jobFile);
  const places = {
    display: (uri: string) => displayUri(uri, context.directory),
    storeUri: store.private.uri,
  };
  reporter.outcome(outcome, places, options.dryRun);
  if (!options.dryRun && outcome.state === 'completed') await context.preview?.(outcome);
  return outcome;
}

/** A definition that is wrong as a whole is wrong in its file. */
function placed(job: Job, jobFile: string): Job {
  const { failure } = job;
  if (failure?.class !== 'definition' || failure.where !== undefined) return job;
  return { ...job, failure: { ...failure, where: basename(jobFile) } };
}

interface Engine {
  readonly client: JobClient;
  readonly store: { readonly private: PrivateStore; submitted: boolean };
  /** Rejects when the coordinator or the worker cannot serve any more. */
  readonly lost: Promise<never>;
}

/** A part of the engine that ends by itself, told to whoever waits for the job. */
class Loss {
  readonly promise: Promise<never>;
  report: (error: unknown) => void = () => undefined;

  constructor() {
    this.promise = new Promise((_, reject) => (this.report = reject));
    this.promise.catch(() => undefined); // nobody may be waiting yet
  }
}

async function startEngine(context: RunContext, started: Started): Promise<Engine> {
  const { options, clock, environment } = context;
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const owner = currentOwner();
  const folderUri = options.storeUri;
  const place = createPrivateStore({ folderUri, directory: context.directory, owner, nowMs: clock.now(), random });
  const state = { private: place, submitted: false };
  started.add(() => place.end(state.submitted));
  const [{ startCoordinator }, { startAgent, heapMegabytesFor }, { JobClient }, log] = await Promise.all([
    import('../../coordinator/coordinator.js'),
    import('../../worker/agent.js'),
    import('../job-client.js'),
    createLogger(options.verbose ? 'debug' : 'silent'),
  ]);
  const token = randomBytes(32).toString('base64url');
  const store = openStore(place.uri);
  started.add(() => store.close());
  const lost = new Loss();
  const worker: { agent?: Agent } = {};
  started.add(() => worker.agent?.stop());
  const coordinator = await startCoordinator({
    store,
    storeUri: place.uri,
    clock,
    random,
    owner,
    listen: '127.0.0.1:0',
    token,
    log,
    onHalt: lost.report,
  });
  // Stopped before the agent: it ends what a job leaves to clean up, with the worker that is still there.
  started.add(() => coordinator.close());
  const slots = options.workers ?? Math.min(limits.slotsMax, availableParallelism());
  worker.agent = startAgent({
    coordinator: coordinator.address,
    token,
    worker: parseWorkerId('local'),
    slots,
    scratchDir: place.scratchDir,
    heapMegabytes: heapMegabytesFor(slots, totalmem()),
    environment: executorEnvironment(environment),
    clock,
    random,
    log,
  });
  worker.agent.ready.catch(lost.report);
  const client = new JobClient({ address: coordinator.address, token, clock });
  started.add(() => client.close());
  return { client, store: state, lost: lost.promise };
}

/** User code sees where programs are and how people here write, and none of this shell's secrets. */
function executorEnvironment(environment: RunContext['environment']): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'GRISTMILL_GATES']) {
    const value = environment[name];
    if (value !== undefined) seen[name] = value;
  }
  return seen;
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
