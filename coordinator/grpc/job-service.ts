/** What clients call, as a thin shell around the core: guard, convert, answer. */
import { Metadata, type sendUnaryData, type ServerReadableStream, type ServerWritableStream } from '@grpc/grpc-js';
import type { JobServiceHandlers } from '../../proto/generated/gristmill/v1/JobService.js';
import type { UploadBundleRequest__Output } from '../../proto/generated/gristmill/v1/UploadBundleRequest.js';
import { hasCode } from '../../shared/errors.js';
import { parseJobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { storeKeys } from '../../shared/plan.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { numberOf } from '../../shared/wire/convert.js';
import type { Leading } from '../leading.js';
import { collectBundle } from './bundle-upload.js';
import { checkSha256, eventToWire, jobToWire, submitFromWire } from './job-convert.js';
import { logsFromWire, readLogs } from './job-logs.js';
import { statusOf } from './status.js';
import type { TokenGuard } from './token.js';

export interface JobServiceOptions {
  readonly leading: Leading;
  readonly store: ObjectStore;
  readonly guard: TokenGuard;
}

export function jobService({ leading, store, guard }: JobServiceOptions): JobServiceHandlers {
  return {
    UploadBundle: (call: ServerReadableStream<UploadBundleRequest__Output, unknown>, done) =>
      void unary(guard, call, done, async () => {
        const { sha256, code } = await collectBundle(call as AsyncIterable<UploadBundleRequest__Output>);
        await leading.core.uploading(sha256);
        return { existed: await storeBundle(store, sha256, code) };
      }),
    SubmitJob: (call, done) =>
      void unary(guard, call, done, async () => {
        checkSha256(call.request.codeVersion);
        const { job, existed } = await leading.core.submit(submitFromWire(call.request));
        return { jobId: job, existed };
      }),
    GetJob: (call, done) =>
      void unary(guard, call, done, async () => jobToWire(await leading.core.get(parseJobId(call.request.jobId)))),
    ListJobs: (call, done) =>
      void unary(guard, call, done, async () => {
        const wanted = call.request.limit === 0 ? limits.jobsListedDefault : call.request.limit;
        return { jobs: (await leading.core.list(Math.min(wanted, limits.jobsListedMax))).map(jobToWire) };
      }),
    CancelJob: (call, done) =>
      void unary(guard, call, done, async () =>
        jobToWire(await leading.core.cancel(parseJobId(call.request.jobId), call.request.reason)),
      ),
    WatchJob: (call) =>
      void streaming(guard, call, async (write, signal) => {
        const { jobId, cursor } = call.request;
        for await (const events of leading.core.watch(parseJobId(jobId), numberOf(cursor, 'cursor'), signal)) {
          await write({ events: events.map(eventToWire) });
        }
      }),
    GetLogs: (call) =>
      void streaming(guard, call, async (write, signal) => {
        const request = logsFromWire(call.request);
        await leading.core.get(request.job);
        for await (const chunk of readLogs(store, request, signal)) await write(chunk);
      }),
  };
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

interface GuardedCall {
  readonly metadata: Metadata;
  on(event: 'error', listener: () => void): unknown;
}

async function unary<Reply>(
  guard: TokenGuard,
  call: GuardedCall,
  done: sendUnaryData<Reply>,
  answer: () => Promise<Reply>,
): Promise<void> {
  // Without a listener a disconnect would end the process.
  call.on('error', () => undefined);
  try {
    guard.check(call.metadata);
    done(null, await answer());
  } catch (thrown) {
    done(statusOf(thrown));
  }
}

async function streaming<Reply>(
  guard: TokenGuard,
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
    guard.check(call.metadata);
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
