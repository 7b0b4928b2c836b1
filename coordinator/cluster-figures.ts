/** How a cluster stands at this moment, in figures: what waits, what runs, and who is there to run it. */
import type { TaskKind } from '../shared/ids.js';
import { openKind, type JobBoard } from './scheduler/board.js';
import { isEnded, workOf, type Job } from './scheduler/state.js';
import { freeSlots } from './scheduler/two-slots.js';
import { isActive, type ActiveState } from './scheduler/transition.js';
import { isSuspect, type SchedulerState } from './scheduler/volatile.js';
import { tasksOf } from './scheduler/work.js';

export interface ClusterFigures {
  readonly epoch: number;
  readonly jobs: Readonly<Record<ActiveState, number>>;
  /** Tasks that could run, or will be tried again, and that nobody runs. */
  readonly waiting: Readonly<Record<TaskKind, number>>;
  /** Attempts that still count. */
  readonly running: Readonly<Record<TaskKind, number>>;
  readonly workers: { readonly attached: number; readonly detached: number; readonly suspect: number };
  readonly slots: {
    readonly busy: number;
    readonly free: number;
    readonly starting: number;
    readonly draining: number;
  };
  /** Since the worker that was silent longest was heard of; 0 without workers. */
  readonly leaseAgeMsMax: number;
}

export function clusterFigures({ durable, volatile }: SchedulerState, nowMs: number): ClusterFigures {
  const jobs = { validating: 0, queued: 0, in_progress: 0, committing: 0 };
  const waiting = { inspect: 0, map: 0, reduce: 0 };
  const running = { inspect: 0, map: 0, reduce: 0 };
  for (const job of durable.jobs.values()) {
    if (!isActive(job.state)) continue;
    jobs[job.state]++;
    const board = volatile.boards.get(job.id);
    for (const attempt of board?.running.values() ?? []) if (attempt.cancelledMs === undefined) running[attempt.kind]++;
    const kind = openKind(job);
    if (kind !== undefined) waiting[kind] += waitingOf(job, kind, board);
  }
  const workers = { attached: 0, detached: 0, suspect: 0 };
  const slots = { busy: 0, free: 0, starting: 0, draining: 0 };
  let leaseAgeMsMax = 0;
  for (const worker of volatile.workers.values()) {
    workers[worker.session === undefined ? 'detached' : isSuspect(volatile, worker, nowMs) ? 'suspect' : 'attached']++;
    const busy = worker.slots - freeSlots(worker);
    slots.busy += busy;
    const starting = Math.min(worker.slots - busy, worker.startingSlots);
    slots.starting += starting;
    slots[worker.draining ? 'draining' : 'free'] += worker.slots - busy - starting;
    leaseAgeMsMax = Math.max(leaseAgeMsMax, nowMs - worker.lastSeenMs);
  }
  return { epoch: volatile.epoch, jobs, waiting, running, workers, slots, leaseAgeMsMax };
}

/** A task with two attempts at a time is one task. */
function waitingOf(job: Job, kind: TaskKind, board: JobBoard | undefined): number {
  if (isEnded(job)) return 0;
  const held = new Set<number>();
  for (const attempt of board?.running.values() ?? []) {
    if (attempt.kind === kind && attempt.cancelledMs === undefined) held.add(attempt.index);
  }
  const work = workOf(job);
  const won = work === undefined ? 0 : kind === 'map' && work.maps ? work.mapsWon : work.sealedWon;
  return Math.max(0, tasksOf(job, kind) - won - held.size);
}
