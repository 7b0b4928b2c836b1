/** A worker's session against a real gRPC server whose answers the test decides. */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CoordinatorMessage as WireMessage } from '../../../proto/generated/gristmill/v1/CoordinatorMessage.js';
import type { WorkerMessage__Output } from '../../../proto/generated/gristmill/v1/WorkerMessage.js';
import { systemClock } from '../../../shared/clock.js';
import { failureOf } from '../../../shared/errors.js';
import { parseAttemptId, parseJobId, parseWorkerId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { TaskReport } from '../../../shared/protocol.js';
import { coordinatorMessageToWire } from '../../../shared/wire/convert.js';
import { WorkerService } from '../../../shared/wire/load.js';
import { Session } from '../../../worker/session.js';

type Stream = ServerDuplexStream<WorkerMessage__Output, WireMessage>;

const job = parseJobId('abcdefgh2345');
const attempt = parseAttemptId('map-00000.1-1');
const report: TaskReport = {
  job,
  attempt,
  elapsedMs: 1,
  result: { kind: 'failure', failure: failureOf(new Error('x')) },
};
const registered = {
  registered: { protocolVersion: PROTOCOL_VERSION, epoch: 1, storeUri: 'file:///x', leaseRenewMs: 1, leaseDeadMs: 1 },
};

let server: Server;
let streams: Stream[];
let heard: WorkerMessage__Output[];
let address: string;
let session: Session;

beforeEach(async () => {
  streams = [];
  heard = [];
  server = new Server();
  server.addService(WorkerService.service, {
    Session(stream: Stream) {
      stream.on('error', () => undefined);
      stream.on('data', (message: WorkerMessage__Output) => heard.push(message));
      streams.push(stream);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  address = `127.0.0.1:${port}`;
});
afterEach(() => {
  session.close();
  server.forceShutdown();
});

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('a report is said again after a break, whatever progress came meanwhile', async () => {
  let detached = 0;
  session = new Session({
    coordinator: address,
    token: 'x',
    clock: systemClock,
    registration: () => ({
      protocolVersion: PROTOCOL_VERSION,
      worker: parseWorkerId('w'),
      incarnation: 'a',
      slots: 1,
      host: 'h',
      nodeVersion: 'v',
      running: [],
    }),
    onMessage: (message) => {
      if (message.registered) session.send({ reports: [report] });
    },
    onDetached: () => detached++,
    onRefused: (error) => expect.fail(error.message),
  });
  for (const round of [1, 2]) {
    await eventually(() => streams.length === round && heard.some((message) => message.register));
    for (let i = 0; i < 1_000; i++) session.send({ progress: [{ job, attempt, records: i, bytes: i }] });
    heard = [];
    streams.at(-1)?.write(coordinatorMessageToWire(registered));
    await eventually(() => heard.some((message) => message.reports.length > 0));
    expect(heard.flatMap((message) => message.progress)).toEqual([]);
    heard = [];
    expect(detached).toBe(round - 1);
    streams.at(-1)?.end();
    await eventually(() => detached === round);
  }
});

test('the lease is renewed as often as the coordinator says', async () => {
  const waits: number[] = [];
  const clock = {
    ...systemClock,
    after(delayMs: number, action: () => void) {
      waits.push(delayMs);
      return systemClock.after(delayMs, action);
    },
  };
  session = new Session({
    coordinator: address,
    token: 'x',
    clock,
    registration: () => ({
      protocolVersion: PROTOCOL_VERSION,
      worker: parseWorkerId('w'),
      incarnation: 'a',
      slots: 1,
      host: 'h',
      nodeVersion: 'v',
      running: [],
    }),
    onMessage: () => undefined,
    onDetached: () => undefined,
    onRefused: (error) => expect.fail(error.message),
  });
  await eventually(() => streams.length === 1 && heard.some((message) => message.register));
  const message = { registered: { ...registered.registered, leaseRenewMs: 7 } };
  streams[0]?.write(coordinatorMessageToWire(message));
  await eventually(() => heard.filter(({ renewLease }) => renewLease).length >= 3);
  // The first wait is for a coordinator that has not answered yet; then it is as it said.
  expect(waits.slice(1, 4)).toEqual([7, 7, 7]);
});
