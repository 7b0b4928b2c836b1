/**
 * Starts what `pendingEffects` lists, for a job whose every record is durable: an effect before its record would be one
 * that no successor knows of. Effects of one list run side by side; the next list waits until all of them have ended.
 */
import type { JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import { effectName, pendingEffects, type Effect } from './scheduler/effects.js';
import type { EffectResult } from './scheduler/events.js';
import type { Job } from './scheduler/state.js';

export interface EffectRunnerPorts {
  readonly carryOut: (job: Job, effect: Effect) => Promise<EffectResult>;
  readonly onEnded: (job: JobId, effect: Effect, result: EffectResult) => void;
}

export class EffectRunner {
  readonly #ports: EffectRunnerPorts;
  readonly #running = new Map<JobId, Set<string>>();
  readonly #inFlight = new Set<Promise<void>>();
  #stopped = false;

  constructor(ports: EffectRunnerPorts) {
    this.#ports = ports;
  }

  isIdle(job: JobId): boolean {
    return !this.#running.has(job);
  }

  start(job: Job): void {
    if (this.#stopped) return;
    const running = this.#running.get(job.id) ?? new Set<string>();
    const pending = pendingEffects(job);
    const names = new Set(pending.map(effectName));
    for (const name of running) if (!names.has(name)) return;
    for (const effect of pending) {
      if (running.size >= limits.effectsInFlightMax) return;
      if (!running.has(effectName(effect))) this.#run(job, effect, running);
    }
  }

  /** Starts nothing more; resolves when what is in flight has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#inFlight);
  }

  #run(job: Job, effect: Effect, running: Set<string>): void {
    const name = effectName(effect);
    running.add(name);
    this.#running.set(job.id, running);
    const ended = (result: EffectResult | undefined) => {
      running.delete(name);
      if (running.size === 0) this.#running.delete(job.id);
      if (result && !this.#stopped) this.#ports.onEnded(job.id, effect, result);
    };
    // What carryOut throws is the end of this coordinator; a successor does the effect again.
    const ending = this.#ports.carryOut(job, effect).then(ended, () => ended(undefined));
    this.#inFlight.add(ending);
    void ending.then(() => this.#inFlight.delete(ending));
  }
}
