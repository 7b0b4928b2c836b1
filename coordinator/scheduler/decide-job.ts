/** What clients ask: submit, once per request id, and cancel, until the commit. */
import type { JobId } from '../../shared/ids.js';
import type { CallNumber, Decision, Now, SchedulerEvent } from './events.js';
import { isEnded, outcomeOf } from './state.js';
import { openBoard, type SchedulerState } from './volatile.js';

type Submit = Extract<SchedulerEvent, { readonly type: 'submit' }>;
type Cancel = Extract<SchedulerEvent, { readonly type: 'cancel' }>;

export function decideSubmit({ durable, volatile }: SchedulerState, event: Submit, now: Now): Decision {
  const { call, job, request } = event;
  const known = durable.byRequest.get(request.requestId);
  if (known !== undefined) return { records: [], commands: [{ type: 'answer', call, job: known, existed: true }] };
  openBoard(volatile, job, request.weight);
  return {
    records: [{ type: 'job-submitted', job, atMs: now.wallMs, request }],
    commands: [{ type: 'answer', call, job, existed: false }],
  };
}

export function decideCancel({ durable }: SchedulerState, event: Cancel, now: Now): Decision {
  const job = durable.jobs.get(event.job);
  if (!job) return refused(event.call, 'job-not-found', `there is no job ${event.job}`);
  if (isEnded(job) && outcomeOf(job) === 'cancelled') return { records: [], commands: [answer(event)] };
  if (isEnded(job)) return refused(event.call, 'job-ended', `the job has ended already: it is ${outcomeOf(job)}`);
  if (job.state === 'committing') {
    return refused(event.call, 'job-ended', 'the job is committing: its output is complete and is being published');
  }
  const reason = event.reason === '' ? 'cancelled by its user' : event.reason;
  return {
    records: [{ type: 'job-moved', job: event.job, atMs: now.wallMs, to: 'cancelled', reason, failure: undefined }],
    commands: [answer(event)],
  };
}

function answer({ call, job }: { readonly call: CallNumber; readonly job: JobId }) {
  return { type: 'answer', call, job, existed: true } as const;
}

function refused(call: CallNumber, code: 'job-not-found' | 'job-ended', message: string): Decision {
  return { records: [], commands: [{ type: 'refuse', call, code, message }] };
}
