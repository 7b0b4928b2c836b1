/** What is known of a running job: a fold over its events. Times are monotonic milliseconds of the client. */
import type { JobEvent, JobState, StageProgress } from '../job-types.js';

export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export interface StageView {
  readonly progress: StageProgress;
  readonly beganMs: number;
  readonly endedMs: number | undefined;
  /** The recent past, oldest first: what the rate is measured over. */
  readonly samples: readonly Sample[];
}

export interface JobView {
  readonly beganMs: number;
  readonly state: JobState | undefined;
  readonly reason: string;
  /** In the order in which they began. */
  readonly stages: readonly StageView[];
  readonly failedAttempts: number;
}

/** A rate is that of the last ten seconds: long enough to be calm, short enough to follow. */
const RATE_WINDOW_MS = 10_000;
const SAMPLES_MAX = 64;

export function newView(nowMs: number): JobView {
  return { beganMs: nowMs, state: undefined, reason: '', stages: [], failedAttempts: 0 };
}

export function foldEvent(view: JobView, event: JobEvent, nowMs: number): JobView {
  switch (event.type) {
    case 'state':
      return { ...view, state: event.to, reason: event.reason };
    case 'progress':
      return { ...view, stages: foldProgress(view.stages, event.progress, nowMs) };
    case 'attempt':
      return event.failure ? { ...view, failedAttempts: view.failedAttempts + 1 } : view;
    case 'notice':
      return view;
    case 'outcome': {
      const stages = event.outcome.stages.reduce(
        (all: readonly StageView[], progress) => foldProgress(all, progress, nowMs),
        view.stages,
      );
      return { ...view, stages, state: event.outcome.state, reason: event.outcome.reason };
    }
  }
}

function foldProgress(stages: readonly StageView[], progress: StageProgress, nowMs: number): readonly StageView[] {
  const known = stages.find((stage) => stage.progress.stage === progress.stage);
  const next: StageView = {
    progress,
    beganMs: known?.beganMs ?? nowMs,
    endedMs: isDone(progress) ? (known?.endedMs ?? nowMs) : undefined,
    samples: addSample(known?.samples ?? [], { atMs: nowMs, bytes: progress.bytesDone }),
  };
  return known ? stages.map((stage) => (stage === known ? next : stage)) : [...stages, next];
}

function addSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const recent = samples.filter((old) => sample.atMs - old.atMs <= RATE_WINDOW_MS);
  return [...recent.slice(-(SAMPLES_MAX - 1)), sample];
}

export function isDone(progress: StageProgress): boolean {
  return progress.tasksDone >= progress.tasks;
}

/** All bytes read is not the end: the last task has still to report. */
const ALMOST = 0.99;

/** Between 0 and 1: by bytes, or by tasks where a stage does not know its bytes. */
export function fractionOf(progress: StageProgress): number {
  if (isDone(progress)) return 1;
  const [done, total] =
    progress.bytesTotal > 0 ? [progress.bytesDone, progress.bytesTotal] : [progress.tasksDone, progress.tasks];
  return Math.min(ALMOST, Math.max(0, done / total));
}

/** Shorter than this is a burst, not a rate. */
const EVIDENCE_MS = 1_000;

/** Bytes per second: of the recent past, or over all of a stage that has ended; undefined without evidence. */
export function rateOf(stage: StageView, nowMs: number): number | undefined {
  if (stage.endedMs !== undefined) {
    const elapsedMs = stage.endedMs - stage.beganMs;
    return elapsedMs >= EVIDENCE_MS ? (stage.progress.bytesDone / elapsedMs) * 1000 : undefined;
  }
  const [first] = stage.samples;
  const last = stage.samples.at(-1);
  if (!first || !last) return undefined;
  // Up to now, not to the last sample: a stage that stands still becomes slower, and says so.
  const elapsedMs = nowMs - first.atMs;
  return elapsedMs >= EVIDENCE_MS ? Math.max(0, ((last.bytes - first.bytes) / elapsedMs) * 1000) : undefined;
}

/** Milliseconds to the stage's end at its recent rate; undefined where there is no evidence. */
export function remainingMs(stage: StageView, nowMs: number): number | undefined {
  const { bytesDone, bytesTotal } = stage.progress;
  const rate = rateOf(stage, nowMs);
  if (rate === undefined || rate <= 0 || bytesTotal <= bytesDone || stage.endedMs !== undefined) return undefined;
  return ((bytesTotal - bytesDone) / rate) * 1000;
}
