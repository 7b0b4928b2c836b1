import { expect, test } from 'vitest';
import { CoordinatorMetrics } from '../../../coordinator/http/metrics.js';
import { S3Counters } from '../../../shared/store/s3/counters.js';

const figures = {
  jobs: {},
  waiting: {},
  running: {},
  workers: {},
  slots: {},
  leaseAgeMsMax: 0,
  epoch: 1,
} as unknown as Parameters<CoordinatorMetrics['text']>[0];

test('what was asked of an S3 server is told by operation, each time anew; without one nothing is said of it', async () => {
  const metrics = new CoordinatorMetrics();
  expect(await metrics.text(figures, true, undefined)).not.toMatch(/^gristmill_s3_\w+(\{.*\})? \d/m);
  const counters = new S3Counters();
  const told = { operation: 'get', seconds: 0.5, bytesOut: 0, bytesIn: 7, isRetry: false, outcome: 'silent' } as const;
  counters.add(told);
  counters.add({ ...told, isRetry: true, outcome: 'ok' });
  counters.add({ ...told, operation: 'put', bytesIn: 0, bytesOut: 5, outcome: 'refused' });
  await metrics.text(figures, true, { counters, isAnswering: true });
  const text = await metrics.text(figures, true, { counters, isAnswering: false });
  const lines = text.split('\n').filter((line) => line.startsWith('gristmill_s3_'));
  expect(lines).toEqual([
    'gristmill_s3_requests_total{operation="get"} 2',
    'gristmill_s3_requests_total{operation="put"} 1',
    'gristmill_s3_requests_repeated_total{operation="get"} 1',
    'gristmill_s3_requests_repeated_total{operation="put"} 0',
    'gristmill_s3_requests_unanswered_total{operation="get"} 1',
    'gristmill_s3_requests_unanswered_total{operation="put"} 0',
    'gristmill_s3_request_seconds_total{operation="get"} 1',
    'gristmill_s3_request_seconds_total{operation="put"} 0.5',
    'gristmill_s3_bytes_total{direction="read"} 14',
    'gristmill_s3_bytes_total{direction="written"} 5',
    'gristmill_s3_answering{store="s3"} 0',
  ]);
});
