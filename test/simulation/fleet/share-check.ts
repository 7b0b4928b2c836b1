/** Slots that jobs have, over time, while all of them have more to do than there are slots: in calm scenarios only. */
import type { JobId } from '../../../shared/ids.js';
import { isCalm, type FleetJobPlan, type FleetScenario } from './scenario.js';

/** Of its share by weight a job has at least so much less, at most so much more. */
const TOLERANCE = 0.15;

interface Running {
  readonly job: JobId;
}

export class ShareCheck {
  readonly #violate: (message: string) => void;
  readonly #plans: ReadonlyMap<JobId, FleetJobPlan>;
  readonly #jobs: number;
  readonly #isCalm: boolean;
  readonly #left = new Map<JobId, number>();
  readonly #slotMs = new Map<JobId, number>();
  #begunMs: number | undefined;
  #lastMs = 0;
  #isOver = false;

  constructor(scenario: FleetScenario, plans: ReadonlyMap<JobId, FleetJobPlan>, violate: (message: string) => void) {
    this.#jobs = scenario.jobs.length;
    this.#isCalm = isCalm(scenario);
    this.#plans = plans;
    this.#violate = violate;
  }

  given(job: JobId): void {
    const left = (this.#left.get(job) ?? this.#plans.get(job)?.maps ?? 0) - 1;
    this.#left.set(job, left);
    if (left <= 0) this.#isOver = true;
  }

  /** What has run since the last call. The last job needs a task's time to come to its share: no task is taken away. */
  pass(nowMs: number, running: Iterable<Running>): void {
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (!this.#isCalm || this.#isOver || this.#left.size < this.#jobs) return;
    this.#begunMs ??= nowMs + 2 * Math.max(...[...this.#plans.values()].map(({ taskMs }) => taskMs));
    if (nowMs < this.#begunMs) return;
    for (const { job } of running) this.#slotMs.set(job, (this.#slotMs.get(job) ?? 0) + sinceMs);
  }

  check(): void {
    const enoughMs = 15 * Math.max(0, ...[...this.#plans.values()].map(({ taskMs }) => taskMs));
    const slotMs = [...this.#slotMs.values()].reduce((sum, ms) => sum + ms, 0);
    if (this.#begunMs === undefined || slotMs < enoughMs * this.#jobs) return;
    const weights = [...this.#plans.values()].reduce((sum, { weight }) => sum + weight, 0);
    for (const [job, { weight }] of this.#plans) {
      const share = ((this.#slotMs.get(job) ?? 0) / slotMs) * (weights / weight);
      if (Math.abs(share - 1) <= TOLERANCE) continue;
      this.#violate(`${job} of weight ${weight} in ${weights} had ${share.toFixed(2)} times its share of slot time`);
    }
  }
}
