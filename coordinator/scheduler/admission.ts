/**
 * How many jobs there may be that have not ended: all of them are in memory, and every decision looks at each. A submission that
 * is one too many is refused before anything is known of it, and may come again.
 */
import { limits } from '../../shared/limits.js';
import type { SubmitRequest } from './records.js';
import { isEnded } from './state.js';
import type { SchedulerState } from './volatile.js';

/**
 * Why the submission has to wait, in a sentence; undefined: it may come in, or is in already. It is asked before anything is decided,
 * so that a burst of what is refused costs next to nothing.
 */
export function refusalOf({ durable, volatile }: SchedulerState, request: SubmitRequest): string | undefined {
  if (durable.byRequest.has(request.requestId)) return undefined;
  let jobs = 0;
  let bytes = sizeOf(request);
  for (const id of volatile.boards.keys()) {
    const job = durable.jobs.get(id);
    if (!job || isEnded(job)) continue;
    jobs++;
    bytes += sizeOf(job.request);
  }
  if (jobs >= limits.jobsOpenMax) return refusal(`there are ${jobs} jobs that have not ended, as many as there may be`);
  if (jobs === 0 || bytes <= limits.jobsOpenBytesMax) return undefined;
  return refusal(
    `the ${jobs} jobs that have not ended hold almost ${limits.jobsOpenBytesMax} bytes of parameters and inputs`,
  );
}

function refusal(reason: string): string {
  return `${reason}\nhint: submit it again when some have ended; the same request id stays one job`;
}

const sizes = new WeakMap<SubmitRequest, number>();

/** About what it holds in memory; of each request it is computed once. */
function sizeOf(request: SubmitRequest): number {
  const known = sizes.get(request);
  if (known !== undefined) return known;
  const { params, inputs, name, baseUri, output = '' } = request;
  const texts = [JSON.stringify(params), name, baseUri, output, ...inputs];
  const size = texts.reduce((sum, text) => sum + text.length, 0);
  sizes.set(request, size);
  return size;
}
