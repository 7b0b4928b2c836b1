/**
 * What can be wrong with a job before it is submitted: its definition and parameters are inspected by an executor here, as a
 * coordinator's worker would, because whoever submits does not wait for what comes of it. Nothing runs, is claimed or stays.
 */
import { tmpdir } from 'node:os';
import { errorOf, GristmillError } from '../../shared/errors.js';
import { fileUri } from '../../shared/store/uri.js';
import { follow } from '../follow.js';
import { silentLogger } from '../log.js';
import type { CommandContext } from '../remote/context.js';
import type { Reporter } from '../render/reporter.js';
import { placed, submitJob, type Submission } from '../submission.js';
import { startEngine } from './engine.js';
import { Started } from './started.js';

const nothing = () => undefined;
const silent: Reporter = { event: nothing, outcome: nothing, error: nothing, note: nothing, close: nothing };

/** Throws what is wrong with the code. Inputs and outputs are not judged: the coordinator may see others. */
export async function checkHere(context: CommandContext, submission: Submission): Promise<void> {
  const { directory, environment, clock, stop } = context;
  const started = new Started();
  try {
    const folderUri = fileUri(tmpdir());
    // No access to S3: what lies there is the coordinator's to judge, and may not be reached from here.
    const engine = { directory, folderUri, workers: 1, environment, access: {}, clock, log: silentLogger };
    const { client, lost } = await startEngine(engine, started);
    const options = { ...submission.options, dryRun: true };
    const job = await submitJob(client, { ...submission, options });
    const outcome = await follow({ client, job, reporter: silent, stop, lost, onStop: 'cancel' });
    const { failure } = placed(outcome, options.jobFile);
    if (failure?.code === 'credentials-missing') return;
    if (failure?.class === 'definition' || failure?.class === 'user') throw errorOf(failure);
  } finally {
    await started.stopAll();
  }
  if (stop.requested) throw new GristmillError('aborted', 'stopped before the job was submitted');
}
