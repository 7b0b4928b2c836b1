/** What a worker reports is checked against what it was asked: keys and seals come from outside. */
import { ERRORS, type Failure } from '../../shared/errors.js';
import { attemptParts, isAttemptId, type AttemptId } from '../../shared/ids.js';
import { outputNames, storeKeys } from '../../shared/plan.js';
import type { TaskReport, TaskResult } from '../../shared/protocol.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { Job } from './state.js';

/** The result, or the failure that it amounts to. */
export function checkResult(job: Job, report: TaskReport): TaskResult {
  const { result, attempt } = report;
  const fault = faultOf(job, attempt, result);
  return fault === undefined ? result : { kind: 'failure', failure: malformed(attempt, fault) };
}

function faultOf(job: Job, attempt: AttemptId, result: TaskResult): string | undefined {
  if (result.kind === 'failure') return faultOfProducers(result.failure.producers ?? []);
  const { kind, index } = attemptParts(attempt);
  if (result.kind !== kind) return `it is the result of a ${result.kind} task`;
  if (result.kind === 'inspect') {
    return result.key === storeKeys.inspection(job.id, attempt) ? undefined : `its key is ${result.key}`;
  }
  if (!job.inspected) return 'the job has no such task';
  const part = outputNames.part(index, job.inspected.format);
  if (result.kind === 'reduce') return faultOfSeal(result.seal, attempt, part);
  if (job.inspected.kind === 'map-only') {
    return result.seal ? faultOfSeal(result.seal, attempt, part) : 'it has no seal';
  }
  const spread = result.key.split('/').at(-2) ?? '';
  const isOwnKey = /^[0-9a-f]{2}$/.test(spread) && result.key === storeKeys.shuffle(job.id, spread, attempt);
  return isOwnKey ? undefined : `its key is ${result.key}`;
}

function faultOfProducers(producers: readonly string[]): string | undefined {
  const wrong = producers.find((producer) => !isAttemptId(producer));
  return wrong === undefined ? undefined : `it names ${JSON.stringify(wrong)} as an attempt`;
}

function faultOfSeal(seal: Seal, attempt: AttemptId, part: string): string | undefined {
  if (seal.attempt !== attempt) return `its seal names the attempt ${seal.attempt}`;
  return seal.key === part || seal.key.endsWith(`/${part}`) ? undefined : `its seal names the key ${seal.key}`;
}

function malformed(attempt: AttemptId, fault: string): Failure {
  return {
    ...ERRORS.internal,
    code: 'internal',
    message: `the report of ${attempt} cannot be: ${fault}`,
    where: undefined,
    stack: undefined,
  };
}
