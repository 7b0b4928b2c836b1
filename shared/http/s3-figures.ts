/** What was asked of an S3 server, as its endpoint counts it. */
import { S3Counters, type S3Count } from '../store/s3/counters.js';
import { counter, gauge, NOW } from './metric-spec.js';
import type { MetricRegistry } from './registry.js';

/** `who`: the process, and what it speaks for. */
export const s3Metrics = (who: string) =>
  ({
    s3Requests: counter(
      'gristmill_s3_requests_total',
      ['operation'],
      `Requests that ${who} sent to its S3 server, by operation: a call of a store takes one or more.`,
    ),
    s3Repeated: counter(
      'gristmill_s3_requests_repeated_total',
      ['operation'],
      'Those requests that repeated an earlier one of the same call.',
    ),
    s3Unanswered: counter(
      'gristmill_s3_requests_unanswered_total',
      ['operation'],
      'Those requests that got no answer, or one that only says that the server cannot now.',
    ),
    s3Seconds: counter('gristmill_s3_request_seconds_total', ['operation'], 'How long those requests took together.'),
    s3Bytes: counter(
      'gristmill_s3_bytes_total',
      ['direction'],
      'Bytes that those requests read and wrote, staged writes too.',
    ),
    s3Answering: gauge(
      'gristmill_s3_answering',
      ['store'],
      `${NOW}: 1 while the S3 server answers, 0 while calls wait for it. Absent, like the counts above, without such a store.`,
    ),
  }) as const;

export interface S3Figures {
  readonly counters: S3Counters;
  /** Undefined where nobody here has asked it anything. */
  readonly isAnswering: boolean | undefined;
}

/** As it stands now: what the process has asked, if it has, and what others have told it that they asked. */
export function lookAtS3(
  registry: Pick<MetricRegistry<ReturnType<typeof s3Metrics>>, 'set' | 'setTotals'>,
  own: S3Figures | undefined,
  told?: S3Counters,
): void {
  const together = new S3Counters();
  for (const counters of [own?.counters, told]) if (counters) together.merge(counters.snapshot());
  const counts = [...together.snapshot()];
  const of = (figure: (count: Readonly<S3Count>) => number) =>
    counts.map(([operation, count]) => [{ operation }, figure(count)] as const);
  registry.setTotals(
    's3Requests',
    of(({ requests }) => requests),
  );
  registry.setTotals(
    's3Repeated',
    of(({ retries }) => retries),
  );
  registry.setTotals(
    's3Unanswered',
    of(({ errors }) => errors),
  );
  registry.setTotals(
    's3Seconds',
    of(({ seconds }) => seconds),
  );
  const sum = (figure: (count: Readonly<S3Count>) => number) =>
    counts.reduce((total, [, count]) => total + figure(count), 0);
  registry.setTotals('s3Bytes', [
    [{ direction: 'read' }, sum(({ bytesIn }) => bytesIn)],
    [{ direction: 'written' }, sum(({ bytesOut }) => bytesOut)],
  ]);
  if (own?.isAnswering !== undefined) registry.set('s3Answering', own.isAnswering ? 1 : 0, { store: 's3' });
}
