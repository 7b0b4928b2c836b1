/** How a worker stands with its coordinator, as `/healthz` says it: only one that is ready can be given tasks. */
import type { GristmillError } from '../shared/errors.js';

export type WorkerHealth =
  /** Since it started it has not reached its coordinator. */
  | { readonly status: 'connecting'; readonly coordinator: string; readonly sinceMs: number }
  | { readonly status: 'ready'; readonly coordinator: string; readonly sinceMs: number }
  /** Its stream broke, and it tries to come back; tasks that run go on. */
  | { readonly status: 'cut-off'; readonly coordinator: string; readonly sinceMs: number }
  /** It was told to stop. */
  | { readonly status: 'draining'; readonly running: number }
  /** A coordinator refuses it for good. */
  | { readonly status: 'refused'; readonly error: GristmillError };

/** What the pool has to do, at a moment. */
export interface WorkerFigures {
  /** Slots, each in one state. */
  readonly slots: Readonly<Record<'busy' | 'free' | 'starting', number>>;
  /** Reports that the coordinator has not acknowledged. */
  readonly unacknowledged: number;
}
