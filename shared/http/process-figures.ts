/** Figures of the process itself. */
import { counter, gauge } from './metric-spec.js';
import type { MetricRegistry } from './registry.js';

export const PROCESS_METRICS = {
  cpuSeconds: counter('process_cpu_seconds_total', [], 'CPU time of the process.'),
  residentBytes: gauge('process_resident_memory_bytes', [], 'Resident memory of the process.'),
  startSeconds: gauge('process_start_time_seconds', [], 'When the process started, in seconds since the epoch.'),
  heapBytes: gauge('nodejs_heap_size_used_bytes', [], 'Memory that JavaScript objects take.'),
  externalBytes: gauge('nodejs_external_memory_bytes', [], 'Memory of buffers outside the heap.'),
  loopSeconds: counter('nodejs_eventloop_active_seconds_total', [], 'Time in which the event loop was busy.'),
} as const;

export function lookAtProcess(registry: Pick<MetricRegistry<typeof PROCESS_METRICS>, 'set' | 'setTotal'>): void {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  registry.setTotal('cpuSeconds', (user + system) / 1e6);
  registry.set('residentBytes', rss);
  registry.set('heapBytes', heapUsed);
  registry.set('externalBytes', external);
  registry.set('startSeconds', performance.timeOrigin / 1000);
  registry.setTotal('loopSeconds', performance.eventLoopUtilization().active / 1000);
}
