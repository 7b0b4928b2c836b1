/**
 * Branded identifiers: plain strings at run time, never mixed at compile time.
 *
 * An attempt's id is built from its task, the epoch of the coordinator that started it and a number counted within
 * that epoch, so that no two writers ever share a key.
 */
import { GristmillError } from './errors.js';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<'JobId'>;
/** `inspect`, `map-00012` or `reduce-00003`; unique within its job. */
export type TaskId = Branded<'TaskId'>;
/** `<task>.<epoch>-<n>`; unique within its job, for ever. */
export type AttemptId = Branded<'AttemptId'>;
export type WorkerId = Branded<'WorkerId'>;

export const TASK_KINDS = ['inspect', 'map', 'reduce'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

const JOB_ID = /^[0-9a-z]{12}$/;
const ATTEMPT_ID = /^((inspect)|(?:(map|reduce)-(\d{5,})))\.(\d+)-(\d+)$/;
const TASK_ID = /^(inspect|(map|reduce)-\d{5,})$/;
const WORKER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A job id from 8 random bytes: 12 characters of base 36, random from the first one, so that keys spread. */
export function jobId(random: Uint8Array): JobId {
  let value = 0n;
  for (const byte of random.subarray(0, 8)) value = (value << 8n) | BigInt(byte);
  return value.toString(36).padStart(13, '0').slice(-12) as JobId;
}

export function taskId(kind: TaskKind, index: number): TaskId {
  return (kind === 'inspect' ? kind : `${kind}-${String(index).padStart(5, '0')}`) as TaskId;
}

export function attemptId(task: TaskId, epoch: number, n: number): AttemptId {
  return `${task}.${epoch}-${n}` as AttemptId;
}

export interface AttemptParts {
  readonly task: TaskId;
  readonly kind: TaskKind;
  readonly index: number;
  readonly epoch: number;
  readonly n: number;
}

export function parseJobId(text: string): JobId {
  if (!JOB_ID.test(text)) throw new GristmillError('invalid-id', `not a job id: ${JSON.stringify(text)}`);
  return text as JobId;
}

export function parseWorkerId(text: string): WorkerId {
  if (!WORKER_ID.test(text)) throw new GristmillError('invalid-id', `not a worker id: ${JSON.stringify(text)}`);
  return text as WorkerId;
}

export function parseTaskId(text: string): TaskId {
  if (!TASK_ID.test(text)) throw new GristmillError('invalid-id', `not a task id: ${JSON.stringify(text)}`);
  return text as TaskId;
}

export function parseAttemptId(text: string): AttemptId {
  attemptParts(text as AttemptId);
  return text as AttemptId;
}

export function isAttemptId(text: string): text is AttemptId {
  return ATTEMPT_ID.test(text);
}

export function attemptParts(id: AttemptId): AttemptParts {
  const match = ATTEMPT_ID.exec(id);
  if (!match) throw new GristmillError('invalid-id', `not an attempt id: ${JSON.stringify(id)}`);
  const [, task, inspect, kind, index, epoch, n] = match;
  return {
    task: task as TaskId,
    kind: inspect ? 'inspect' : (kind as 'map' | 'reduce'),
    index: Number(index ?? 0),
    epoch: Number(epoch),
    n: Number(n),
  };
}
