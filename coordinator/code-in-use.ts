/**
 * Which bundles are wanted. Jobs of one version share one bundle, so it goes with the last of them, but never while its
 * next job may be on the way: code is uploaded before its job is submitted.
 */
import type { Clock } from '../shared/clock.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { DurableState, Job } from './scheduler/state.js';

export class CodeInUse {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #uploads = new Map<string, number>();
  readonly #dropping = new Map<string, Promise<void>>();

  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
  }

  /** It is about to be uploaded; resolves when that cannot meet a removal that has begun. */
  async uploading(sha256: string): Promise<void> {
    const nowMs = this.#clock.monotonic();
    for (const [code, atMs] of this.#uploads) if (atMs + this.#graceMs <= nowMs) this.#uploads.delete(code);
    this.#uploads.set(sha256, nowMs);
    await this.#dropping.get(sha256)?.catch(() => undefined);
  }

  /** Removes the job's code, unless another job or an upload wants it. */
  async drop(store: ObjectStore, durable: DurableState, { request: { codeVersion } }: Job): Promise<void> {
    if (this.#isWanted(durable, codeVersion)) return;
    const dropping = store.delete([storeKeys.bundle(codeVersion)]);
    this.#dropping.set(codeVersion, dropping);
    try {
      await dropping;
    } finally {
      this.#dropping.delete(codeVersion);
    }
  }

  #isWanted(durable: DurableState, codeVersion: string): boolean {
    const uploadedMs = this.#uploads.get(codeVersion);
    if (uploadedMs !== undefined && uploadedMs + this.#graceMs > this.#clock.monotonic()) return true;
    for (const job of durable.jobs.values()) {
      if (job.state !== 'archived' && job.request.codeVersion === codeVersion) return true;
    }
    return false;
  }
}
