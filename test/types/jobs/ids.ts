/** Branded ids are strings that cannot be mixed. */
import {
  attemptId,
  attemptParts,
  jobId,
  taskId,
  type AttemptId,
  type JobId,
  type TaskId,
  type WorkerId,
} from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';

const job: JobId = jobId(new Uint8Array(8));
const task: TaskId = taskId('map', 1);
const attempt: AttemptId = attemptId(task, 1, 1);
const text: string = job;
attemptParts(attempt);
storeKeys.plan(job);

// @ts-expect-error a string is no job id until it is parsed
storeKeys.plan(text);
// @ts-expect-error a task is no job
storeKeys.plan(task);
// @ts-expect-error a job is no task
attemptId(job, 1, 1);
// @ts-expect-error a task is no attempt
attemptParts(task);
// @ts-expect-error an attempt is no worker
export const worker: WorkerId = attempt;
