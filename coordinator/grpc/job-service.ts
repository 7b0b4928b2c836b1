/** What clients call, as a thin shell around the core: convert, ask, answer. */
import { Metadata, type sendUnaryData, type ServerReadableStream, type ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { JobServiceHandlers } from '../../proto/generated/gristmill/v1/JobService.js';
import type { UploadBundleRequest__Output } from '../../proto/generated/gristmill/v1/UploadBundleRequest.js';
import type { Clock } from '../../shared/clock.js';
import { OWNER } from '../../shared/access.js';
import { hasCode } from '../../shared/errors.js';
import { parseJobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { storeKeys } from '../../shared/plan.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { numberOf } from '../../shared/wire/convert.js';
import type { Leading } from '../leading.js';
import type { SubmitRequest } from '../scheduler/records.js';
import { callerOf } from './access-interceptor.js';
import { collectBundle, endLate, UploadRoom } from './bundle-upload.js';
import { checkSha256, eventToWire, jobToWire, submitFromWire } from './job-convert.js';
import { logsFromWire, readLogs } from './job-logs.js';
import { statusOf } from './status.js';

export interface JobServiceOptions {
  readonly leading: Leading;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info'>;
}

export function jobService({ leading, store, clock, log }: JobServiceOptions): JobServiceHandlers {
  const uploads = new UploadRoom();
  return {
    UploadBundle: (call: ServerReadableStream<UploadBundleRequest__Output, unknown>, done) =>
      void unary(call, done, async () => {
        const messages = call as AsyncIterable<UploadBundleRequest__Output>;
        const isWhole = endLate(call, clock);
        return collectBundle(messages, uploads, async ({ sha256, code }) => {
          isWhole();
          await leading.core.uploading(sha256);
          return { existed: await storeBundle(store, sha256, code) };
        }).finally(isWhole);
      }),
    SubmitJob: (call, done) =>
      void unary(call, done, async () => {
        checkSha256(call.request.codeVersion);
        const by = callerOf(call.metadata);
        const { job, existed } = await leading.core.submit(submittedBy(submitFromWire(call.request), by));
        log.info({ job, by, existed }, 'a job was submitted');
        return { jobId: job, existed };
      }),
    GetJob: (call, done) =>
      void unary(call, done, async () => jobToWire(await leading.core.get(parseJobId(call.request.jobId)))),
    ListJobs: (call, done) =>
      void unary(call, done, async () => {
        const wanted = call.request.limit === 0 ? limits.jobsListedDefault : call.request.limit;
        return { jobs: (await leading.core.list(Math.min(wanted, limits.jobsListedMax))).map(jobToWire) };
      }),
    CancelJob: (call, done) =>
      void unary(call, done, async () => {
        const { jobId, reason } = call.request;
        const by = callerOf(call.metadata);
        const view = await leading.core.cancel(parseJobId(jobId), cancelReason(reason, by));
        log.info({ job: view.job, by }, 'a job was cancelled');
        return jobToWire(view);
      }),
    WatchJob: (call) =>
      void streaming(call, async (write, signal) => {
        const { jobId, cursor } = call.request;
        for await (const events of leading.core.watch(parseJobId(jobId), numberOf(cursor, 'cursor'), signal)) {
          await write({ events: events.map(eventToWire) });
        }
      }),
    GetLogs: (call) =>
      void streaming(call, async (write, signal) => {
        const request = logsFromWire(call.request);
        await leading.core.get(request.job);
        for await (const chunk of readLogs(store, request, signal)) await write(chunk);
      }),
  };
}

/** Whoever has the coordinator's own token is not told from others who have it. */
function submittedBy(request: SubmitRequest, by: string): SubmitRequest {
  return by === OWNER ? request : { ...request, by };
}

/** The reason is what watchers and the audit log show. */
function cancelReason(reason: string, by: string): string {
  if (by === OWNER) return reason;
  return reason === '' ? `cancelled by ${by}` : `${reason} (by ${by})`;
}

/** True when it was there already. Equal names are equal bytes: the name is their sha256. */
async function storeBundle(store: ObjectStore, sha256: string, code: Uint8Array): Promise<boolean> {
  try {
    await store.put(storeKeys.bundle(sha256), code, { ifAbsent: true });
    return false;
  } catch (thrown) {
    if (hasCode(thrown, 'object-exists')) return true;
    throw thrown;
  }
}

interface Call {
  on(event: 'error', listener: () => void): unknown;
}

async function unary<Reply>(call: Call, done: sendUnaryData<Reply>, answer: () => Promise<Reply>): Promise<void> {
  // Without a listener a disconnect would end the process.
  call.on('error', () => undefined);
  try {
    done(null, await answer());
  } catch (thrown) {
    done(statusOf(thrown));
  }
}

async function streaming<Reply>(
  call: ServerWritableStream<unknown, Reply>,
  produce: (write: (reply: Reply) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const gone = new AbortController();
  call.on('error', () => gone.abort());
  call.on('cancelled', () => gone.abort());
  call.on('close', () => gone.abort());
  const write = async (reply: Reply) => {
    gone.signal.throwIfAborted();
    if (!call.write(reply)) await drained(call, gone.signal);
  };
  try {
    await produce(write, gone.signal);
    call.end(new Metadata());
  } catch (thrown) {
    if (!gone.signal.aborted) call.emit('error', statusOf(thrown));
  }
}

function drained(call: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.removeListener('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
