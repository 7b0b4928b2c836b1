/** What a worker does and how it stands, as metrics: what happens is counted, the rest is looked up when asked. */
import type { Counts } from '../../shared/counts.js';
import type { CountersOf } from '../../shared/http/metric-spec.js';
import { lookAtProcess } from '../../shared/http/process-figures.js';
import { MetricRegistry } from '../../shared/http/registry.js';
import { lookAtS3, type S3Figures } from '../../shared/http/s3-figures.js';
import { attemptParts } from '../../shared/ids.js';
import type { Assignment, TaskReport, TaskResult } from '../../shared/protocol.js';
import { S3Counters, type S3Counts } from '../../shared/store/s3/counters.js';
import type { WorkerFigures } from '../health.js';
import type { WorkerObserver } from '../observer.js';
import { WORKER_METRICS } from './metric-list.js';

/** Counts of attempts that are metrics of the same name. */
const THROUGHPUT = [
  'recordsRead',
  'bytesRead',
  'bytesShuffled',
  'bytesSpilled',
  'bytesWritten',
] as const satisfies readonly (keyof Counts & CountersOf<typeof WORKER_METRICS>)[];

export class WorkerMetrics implements WorkerObserver {
  readonly #registry = new MetricRegistry(WORKER_METRICS);
  readonly #executors = new S3Counters();

  registered(): void {
    this.#registry.add('registrations', 1);
  }

  attemptStarted({ kind }: Assignment): void {
    this.#registry.add('attemptsStarted', 1, { kind });
  }

  attemptEnded({ attempt, elapsedMs, result }: TaskReport): void {
    const registry = this.#registry;
    const labels = { kind: attemptParts(attempt).kind, outcome: outcomeOf(result) };
    registry.add('attempts', 1, labels);
    registry.observe('attemptSeconds', elapsedMs / 1000, labels);
    if (labels.outcome === 'failed' && result.kind === 'failure') {
      registry.add('failures', 1, { class: result.failure.class, code: result.failure.code });
    }
    if (result.kind !== 'map' && result.kind !== 'reduce') return;
    for (const name of THROUGHPUT) registry.add(name, result.counts[name]);
  }

  executorStarted(): void {
    this.#registry.add('executorsStarted', 1);
  }

  executorDied(): void {
    this.#registry.add('executorsDied', 1);
  }

  asked(counts: S3Counts): void {
    this.#executors.merge(counts);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text format of Prometheus, as things stand now. `s3`: what the agent itself has asked, if it has. */
  text(figures: WorkerFigures, isReady: boolean, s3: S3Figures | undefined): Promise<string> {
    const registry = this.#registry;
    registry.set('ready', isReady ? 1 : 0);
    registry.set('unacknowledged', figures.unacknowledged);
    for (const [state, count] of Object.entries(figures.slots)) registry.set('slots', count, { state });
    lookAtS3(registry, s3, this.#executors);
    lookAtProcess(registry);
    return registry.text();
  }
}

function outcomeOf(result: TaskResult): 'done' | 'failed' | 'cancelled' | 'handed-back' {
  if (result.kind !== 'failure') return 'done';
  if (result.failure.code === 'aborted') return 'cancelled';
  return result.failure.code === 'handed-back' ? 'handed-back' : 'failed';
}
