/** What a coordinator does and how it stands, as metrics: durable records are counted, the rest is looked up when asked. */
import type { Counts } from '../../shared/counts.js';
import { attemptParts, type AttemptId, type JobId } from '../../shared/ids.js';
import type { CountersOf } from '../../shared/http/metric-spec.js';
import { lookAtProcess } from '../../shared/http/process-figures.js';
import { MetricRegistry } from '../../shared/http/registry.js';
import { lookAtS3, type S3Figures } from '../../shared/http/s3-figures.js';
import type { ClusterFigures } from '../cluster-figures.js';
import type { Observer } from '../observer.js';
import type { JournalRecord } from '../scheduler/records.js';
import { isActive } from '../scheduler/transition.js';
import { METRICS } from './metric-list.js';
import type { StoreCall } from './counted-store.js';

/** Counts of winners that are metrics of the same name. */
const THROUGHPUT = [
  'recordsRead',
  'recordsBad',
  'rows',
  'bytesRead',
  'bytesShuffled',
  'bytesSpilled',
  'bytesWritten',
] as const satisfies readonly (keyof Counts & CountersOf<typeof METRICS>)[];

export class CoordinatorMetrics implements Observer {
  readonly #registry = new MetricRegistry(METRICS);
  /** The attempt that failed last, by job: if its job ends next, that task is why. */
  readonly #lastFailed = new Map<JobId, AttemptId>();

  recorded(records: readonly JournalRecord[]): void {
    for (const record of records) this.#count(record);
  }

  assigned(attempts: readonly AttemptId[]): void {
    for (const attempt of attempts) {
      const { kind, n } = attemptParts(attempt);
      this.#registry.add('attemptsStarted', 1, { kind });
      if (n > 1) this.#registry.add('retries', 1, { kind });
    }
  }

  storeCalled({ operation, seconds, code, bytesRead = 0, bytesWritten = 0 }: StoreCall): void {
    this.#registry.add('storeRequests', 1, { operation });
    this.#registry.observe('storeSeconds', seconds, { operation });
    if (code !== undefined) this.#registry.add('storeErrors', 1, { operation, code });
    if (bytesRead > 0) this.#registry.add('storeBytes', bytesRead, { direction: 'read' });
    if (bytesWritten > 0) this.#registry.add('storeBytes', bytesWritten, { direction: 'written' });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text format of Prometheus, as things stand now. `s3`: what its store has asked of an S3 server, if it has one. */
  text(figures: ClusterFigures, isLeading: boolean, s3: S3Figures | undefined): Promise<string> {
    const registry = this.#registry;
    for (const [state, count] of Object.entries(figures.jobs)) registry.set('jobs', count, { state });
    for (const [kind, count] of Object.entries(figures.waiting)) registry.set('tasksWaiting', count, { kind });
    for (const [kind, count] of Object.entries(figures.running)) registry.set('tasksRunning', count, { kind });
    for (const [state, count] of Object.entries(figures.workers)) registry.set('workers', count, { state });
    for (const [state, count] of Object.entries(figures.slots)) registry.set('slots', count, { state });
    registry.set('leaseAge', figures.leaseAgeMsMax / 1000);
    registry.set('epoch', figures.epoch);
    registry.set('leading', isLeading ? 1 : 0);
    if (s3) lookAtS3(registry, s3);
    lookAtProcess(registry);
    return registry.text();
  }

  #count(record: JournalRecord): void {
    switch (record.type) {
      case 'job-submitted':
        this.#registry.add('jobsSubmitted', 1);
        return;
      case 'task-won': {
        const { kind } = this.#ended(record, 'won');
        this.#registry.add('tasks', 1, { kind, outcome: 'won' });
        this.#lastFailed.delete(record.job);
        if (record.result.kind !== 'inspect') this.#throughput(record.result.counts);
        return;
      }
      case 'attempt-failed': {
        this.#ended(record, 'failed');
        const { class: whose, code } = record.failure;
        this.#registry.add('failures', 1, { class: whose, code });
        this.#lastFailed.set(record.job, record.attempt);
        return;
      }
      case 'job-moved': {
        const failed = this.#lastFailed.get(record.job);
        if (isActive(record.to) || record.to === 'archived') return;
        this.#registry.add('jobsEnded', 1, { outcome: record.to });
        this.#lastFailed.delete(record.job);
        if (failed === undefined || record.to !== 'failed') return;
        this.#registry.add('tasks', 1, { kind: attemptParts(failed).kind, outcome: 'failed' });
        return;
      }
      case 'leader-elected':
      case 'snapshot-taken':
      case 'journal-collected':
      case 'map-lost':
      case 'sweep-reopened':
      case 'job-inspected':
      case 'output-claimed':
      case 'job-planned':
      case 'winner-lost':
      case 'part-published':
      case 'step-done':
      case 'noticed':
        return;
    }
  }

  #ended(
    { attempt, elapsedMs }: { readonly attempt: AttemptId; readonly elapsedMs: number },
    outcome: 'won' | 'failed',
  ) {
    const parts = attemptParts(attempt);
    const labels = { kind: parts.kind, outcome };
    this.#registry.add('attempts', 1, labels);
    this.#registry.observe('attemptSeconds', elapsedMs / 1000, labels);
    return parts;
  }

  #throughput(counts: Partial<Counts>): void {
    // What an older worker reports lacks counts that were added later.
    for (const name of THROUGHPUT) this.#registry.add(name, counts[name] ?? 0);
  }
}
