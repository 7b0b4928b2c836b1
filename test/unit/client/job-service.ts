/** A small real gRPC server of `JobService`, so that the client is tested over a real connection. */
import { Metadata, Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import { JobService } from '../../../shared/wire/load.js';
import type { JobServiceHandlers } from '../../../proto/generated/gristmill/v1/JobService.js';
import type { JobEvent } from '../../../proto/generated/gristmill/v1/JobEvent.js';
import type { WatchJobRequest__Output } from '../../../proto/generated/gristmill/v1/WatchJobRequest.js';
import type { WatchJobResponse } from '../../../proto/generated/gristmill/v1/WatchJobResponse.js';

export const JOB = 'abcdefghijkl';
export const TOKEN = 'secret';

export interface Fake {
  readonly port: number;
  /** What arrived, in order. */
  readonly calls: { method: string; token: string; request: unknown }[];
  readonly watchCursors: number[];
  stop(): void;
}

type Watch = (call: ServerWritableStream<WatchJobRequest__Output, WatchJobResponse>, attempt: number) => void;

export interface Behaviour {
  readonly watch?: Watch;
  readonly overrides?: Partial<JobServiceHandlers>;
}

export function refusal(code: status, gristmillCode: string, details: string) {
  const metadata = new Metadata();
  metadata.set('gristmill-code', gristmillCode);
  return { code, details, metadata };
}

export function stateEvent(cursor: number): JobEvent {
  return { cursor, atMs: 1, state: { from: 'JOB_STATE_VALIDATING', to: 'JOB_STATE_QUEUED', reason: `r${cursor}` } };
}

export function outcomeEvent(cursor: number): JobEvent {
  return { cursor, atMs: 2, outcome: { jobId: JOB, name: 'n', state: 'JOB_STATE_COMPLETED', endedAtMs: 3 } };
}

export async function jobServer(behaviour: Behaviour = {}, port = 0): Promise<Fake> {
  const calls: Fake['calls'] = [];
  const watchCursors: number[] = [];
  const note = (method: string, metadata: Metadata, request: unknown) =>
    calls.push({ method, token: String(metadata.get('authorization')[0]), request });
  const handlers: JobServiceHandlers = {
    UploadBundle(call, reply) {
      const chunks: Buffer[] = [];
      let sha256 = '';
      call.on('error', () => undefined);
      call.on('data', (message: { sha256: string; chunk: Buffer }) => {
        sha256 ||= message.sha256;
        chunks.push(message.chunk);
      });
      call.on('end', () => {
        note('upload', call.metadata, {
          sha256,
          sizes: chunks.map((chunk) => chunk.length),
          all: Buffer.concat(chunks),
        });
        reply(null, { existed: false });
      });
    },
    SubmitJob(call, reply) {
      note('submit', call.metadata, call.request);
      reply(null, { jobId: JOB, existed: false });
    },
    GetJob(call, reply) {
      note('get', call.metadata, call.request);
      reply(refusal(status.NOT_FOUND, 'job-not-found', 'no such job'));
    },
    ListJobs(call, reply) {
      note('list', call.metadata, call.request);
      reply(null, { jobs: [{ jobId: JOB, name: 'n', state: 'JOB_STATE_QUEUED', submittedAtMs: '9007199254740991' }] });
    },
    WatchJob(call) {
      note('watch', call.metadata, call.request);
      watchCursors.push(Number(call.request.cursor));
      call.on('error', () => undefined);
      behaviour.watch?.(call, watchCursors.length);
    },
    CancelJob(call, reply) {
      note('cancel', call.metadata, call.request);
      reply(null, { jobId: JOB, name: 'n', state: 'JOB_STATE_CANCELLED', reason: call.request.reason });
    },
    GetLogs(call) {
      note('logs', call.metadata, call.request);
      call.write({ attempt: 'map-00000.1-1', text: 'hello\n' });
      call.end();
    },
    ...behaviour.overrides,
  };
  const server = new Server();
  server.addService(JobService.service, handlers);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, actual) => {
      if (error) reject(error);
      else resolve(actual);
    });
  });
  return { port: bound, calls, watchCursors, stop: () => server.forceShutdown() };
}
