/** Shows a job's events until its outcome; a signal cancels the job and waits, or leaves it alone. */
import { GristmillError } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';
import { exitCodeOf, exitCodeOfError, SIGNAL_EXIT_CODES } from './command/exit-code.js';
import type { JobClient } from './job-client.js';
import type { Job } from './job-types.js';
import type { Reporter } from './render/reporter.js';
import type { StopRequest } from './run/stop-request.js';

export interface Following {
  readonly client: JobClient;
  readonly job: JobId;
  readonly reporter: Reporter;
  readonly stop: StopRequest;
  /** The last event already seen; absent: from the start. */
  readonly cursor?: number;
  /** What the first signal does. */
  readonly onStop: 'cancel' | 'leave';
  /** Rejects when nothing more can come. */
  readonly lost?: Promise<never>;
}

/** The job as it ended. `aborted`: it was left. */
export async function follow(following: Following): Promise<Job> {
  const { stop, lost } = following;
  const giveUp = new AbortController();
  const onSignal = () => {
    if (following.onStop === 'leave') giveUp.abort();
    else void cancelJob(following);
  };
  if (stop.requested) onSignal();
  else stop.signal.addEventListener('abort', onSignal, { once: true });
  const watching = show(following, giveUp.signal);
  watching.catch(() => undefined);
  try {
    return await (lost ? Promise.race([watching, lost]) : watching);
  } finally {
    giveUp.abort();
    stop.signal.removeEventListener('abort', onSignal);
  }
}

async function show({ client, job, reporter, lost, cursor: from = 0 }: Following, signal: AbortSignal): Promise<Job> {
  let cursor = from;
  const onBroken = (error: GristmillError) => {
    const [message = ''] = error.message.split('\n');
    reporter.note(`the connection to the coordinator is broken and is being taken up again: ${message}`);
  };
  try {
    for await (const event of client.watch(job, { cursor, signal, onBroken })) {
      cursor = event.cursor;
      reporter.event(event);
      if (event.type === 'outcome') return event.outcome;
    }
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    // An engine of one's own ends with the command, and its job with it.
    if (lost === undefined && (error.code === 'unavailable' || error.code === 'aborted')) {
      reporter.note(`the job is left to itself; 'gristmill watch ${job} --from ${cursor}' shows what comes next`);
    }
    throw error;
  }
  throw new GristmillError('internal', 'the job ended without an outcome', { context: { job } });
}

async function cancelJob({ client, job, reporter, stop }: Following): Promise<void> {
  const name = stop.requested === 'SIGTERM' ? 'SIGTERM' : 'Ctrl-C';
  reporter.note(`${name}: cancelling job ${job} and waiting for its end; once more ends at once`);
  try {
    await client.cancel(job, name);
  } catch (thrown) {
    const { code, message } = GristmillError.from(thrown);
    if (code === 'job-ended') {
      reporter.note(`the job cannot be cancelled any more, and goes on to its end: ${message}`);
    } else {
      reporter.note(`the job is not cancelled, because the coordinator cannot be told: ${message}`);
    }
  }
}

/** Runs what ends with a job, and tells what it throws; the exit code. `stopped`: what is said of an end by a signal. */
export async function exitCodeFrom(
  { reporter, stop, stopped }: Pick<Following, 'reporter' | 'stop'> & { readonly stopped?: string },
  action: () => Promise<Job>,
): Promise<number> {
  try {
    return exitCodeOf(await action(), stop.requested);
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    if (!stop.requested || error.code !== 'aborted') {
      reporter.error(error);
      return exitCodeOfError(error);
    }
    if (stopped !== undefined) reporter.note(stopped);
    return SIGNAL_EXIT_CODES[stop.requested];
  }
}
