/** A worker over a real connection, whose tasks are done by a function of the test. */
import { credentials, Metadata } from '@grpc/grpc-js';
import { failureOf } from '../../../shared/errors.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { Assignment, TaskResult } from '../../../shared/protocol.js';
import { coordinatorMessageFromWire, workerMessageToWire } from '../../../shared/wire/convert.js';
import { WorkerService } from '../../../shared/wire/load.js';

export interface FakeWorker {
  stop(): void;
}

export function startFakeWorker(
  address: string,
  token: string,
  work: (assignment: Assignment) => Promise<TaskResult>,
): FakeWorker {
  const stub = new WorkerService(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const stream = stub.session(metadata);
  stream.on('error', () => undefined);
  const names = { worker: parseWorkerId('w1'), incarnation: 'i', host: 'h', nodeVersion: 'v' };
  stream.write(
    workerMessageToWire({ register: { ...names, protocolVersion: PROTOCOL_VERSION, slots: 2, running: [] } }),
  );
  const report = async (assignment: Assignment) => {
    const result = await work(assignment).catch((thrown: unknown): TaskResult => {
      return { kind: 'failure', failure: failureOf(thrown) };
    });
    const { job, attempt } = assignment;
    stream.write(workerMessageToWire({ reports: [{ job, attempt, elapsedMs: 1, result }] }));
  };
  stream.on('data', (wire: Parameters<typeof coordinatorMessageFromWire>[0]) => {
    for (const assignment of coordinatorMessageFromWire(wire).assign ?? []) void report(assignment);
  });
  return {
    stop() {
      stream.cancel();
      stub.close();
    },
  };
}
