/**
 * Which workers are with a leader: `v1/sessions/<epoch>`, written by it alone, so that its successor knows for whom to wait
 * before it gives their tasks out again.
 *
 * ```
 * {"version":1,"epoch":3,"workers":["builder-1","builder-2"]}
 * ```
 *
 * Liveness only: a list that is missing, old or damaged costs a wait, or a task that runs twice, and never a result. Workers for
 * which the leader itself still waits are on its list, so that one that dies early passes on what it was told.
 */
import { delay, type Clock } from '../shared/clock.js';
import { hasCode } from '../shared/errors.js';
import { parseWorkerId, type WorkerId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { epochsAt, removeEpochsBefore } from './epochs.js';
import type { SchedulerEvent } from './scheduler/events.js';
import type { VolatileState } from './scheduler/volatile.js';

export interface SessionListOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly epoch: number;
}

export class SessionList {
  readonly #options: SessionListOptions;
  readonly #closing = new AbortController();
  #wanted: string | undefined;
  #written: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: SessionListOptions) {
    this.#options = options;
  }

  /** Who is here after the event, or may still come back. It is written soon, together with what else changes until then. */
  after(
    { type }: Pick<SchedulerEvent, 'type'>,
    { workers, awaited }: Pick<VolatileState, 'workers' | 'awaited'>,
  ): void {
    if (type !== 'session-opened' && type !== 'session-closed' && type !== 'tick') return;
    const names = [...new Set([...workers.keys(), ...(awaited ?? [])])].sort();
    this.#wanted = `${JSON.stringify({ version: 1, epoch: this.#options.epoch, workers: names })}\n`;
    if (this.#closing.signal.aborted) return;
    this.#writing ??= this.#writeSoon().finally(() => (this.#writing = undefined));
  }

  /** Writes what is not written yet, unless another leads, and resolves when nothing is being written. */
  async close(isFenced: boolean): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (!isFenced) await this.#write();
  }

  async #writeSoon(): Promise<void> {
    const { signal } = this.#closing;
    let waitMs: number = limits.sessionListMs;
    while (this.#wanted !== this.#written) {
      try {
        await delay(this.#options.clock, waitMs, signal);
      } catch {
        return; // it closes, and that writes what is left
      }
      waitMs = (await this.#write()) ? limits.sessionListMs : limits.sessionListRetryMs;
    }
  }

  /** False: the store did not take it. */
  async #write(): Promise<boolean> {
    const { store, epoch } = this.#options;
    const list = this.#wanted;
    if (list === undefined || list === this.#written) return true;
    try {
      await store.put(storeKeys.sessions(epoch), Buffer.from(list), { durable: false });
      if (this.#written === undefined) await removeEpochsBefore(store, epoch);
      this.#written = list;
      return true;
    } catch {
      return false;
    }
  }
}

/** The workers that the last leader before `epoch` listed; undefined when nobody knows. */
export async function listedSessions(store: ObjectStore, epoch: number): Promise<readonly WorkerId[] | undefined> {
  try {
    for (;;) {
      const last = (await epochsAt(store, storeKeys.sessionsPrefix)).filter((one) => one < epoch).at(-1);
      if (last === undefined) return undefined;
      try {
        return workersOf(await store.get(storeKeys.sessions(last)));
      } catch (thrown) {
        // Gone since the list was made: a later leader has removed it, and has its own.
        if (!hasCode(thrown, 'object-not-found')) throw thrown;
      }
    }
  } catch {
    return undefined;
  }
}

function workersOf(bytes: Uint8Array): readonly WorkerId[] | undefined {
  const { version, workers } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>>;
  if (version !== 1 || !Array.isArray(workers)) return undefined;
  return workers.map((name: unknown) => parseWorkerId(String(name)));
}
