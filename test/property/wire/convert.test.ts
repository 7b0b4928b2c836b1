/** The protocol's messages through real protobuf bytes and back; what is unspecified or unknown is refused. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { zeroCounts, type Counts } from '../../../shared/counts.js';
import { ERRORS, type ErrorCode, type Failure } from '../../../shared/errors.js';
import { attemptId, taskId, type AttemptId, type JobId, type WorkerId } from '../../../shared/ids.js';
import type {
  Assignment,
  CoordinatorMessage,
  TaskReport,
  TaskResult,
  WorkerMessage,
} from '../../../shared/protocol.js';
import {
  coordinatorMessageFromWire,
  coordinatorMessageToWire,
  workerMessageFromWire,
  workerMessageToWire,
} from '../../../shared/wire/convert.js';
import { eventFromWire } from '../../../client/job-convert.js';
import { JobService, WorkerService } from '../../../shared/wire/load.js';

const protoFolder = fileURLToPath(new URL('../../../proto', import.meta.url));
const protoFiles = readdirSync(`${protoFolder}/gristmill/v1`).map((name) => `gristmill/v1/${name}`);
const { Session } = WorkerService.service;
const through = {
  worker: (message: WorkerMessage) =>
    workerMessageFromWire(Session.requestDeserialize(Session.requestSerialize(workerMessageToWire(message)))),
  coordinator: (message: CoordinatorMessage) =>
    coordinatorMessageFromWire(
      Session.responseDeserialize(Session.responseSerialize(coordinatorMessageToWire(message))),
    ),
};

const job = fc.stringMatching(/^[0-9a-z]{12}$/).map((id) => id as JobId);
const attempt = fc
  .tuple(fc.constantFrom('map', 'reduce', 'inspect'), fc.nat(1_000_000), fc.nat(1000), fc.nat(1000))
  .map(([kind, index, epoch, n]): AttemptId => attemptId(taskId(kind as 'map', index), epoch, n));
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const userCounters = fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), {
  noNullPrototype: true,
});
const counts: fc.Arbitrary<Counts> = fc.record(
  Object.fromEntries(
    Object.entries(zeroCounts).map(([name, zero]) => [
      name,
      typeof zero === 'number' ? count : typeof zero === 'bigint' ? u64 : userCounters,
    ]),
  ),
) as unknown as fc.Arbitrary<Counts>;
const seal = fc.record({ staged: fc.string(), key: fc.string(), bytes: count, xxh64: u64, attempt });
const failure: fc.Arbitrary<Failure> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
    fc.string(),
    fc.option(fc.string({ minLength: 1 })),
    fc.array(attempt, { maxLength: 2 }),
  )
  .map(([code, message, where, producers]) => ({
    ...ERRORS[code],
    code,
    message,
    where: where ?? undefined,
    stack: undefined,
    ...(producers.length > 0 && { producers }),
  }));
const result: fc.Arbitrary<TaskResult> = fc.oneof(
  fc.record({ kind: fc.constant('inspect' as const), key: fc.string(), xxh64: u64 }),
  fc.record({
    kind: fc.constant('map' as const),
    key: fc.string(),
    digest: u64,
    bytes: count,
    counts,
    seal: fc.option(seal, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('reduce' as const),
    generation: fc.nat(),
    counts,
    seal,
    declaredSum: u64,
    declaredRecords: count,
    declaredWeight: count,
  }),
  fc.record({ kind: fc.constant('failure' as const), failure }),
);
const report: fc.Arbitrary<TaskReport> = fc.record({ job, attempt, elapsedMs: fc.nat(), result });
const ref = fc.record({ job, attempt });
const slots = fc.integer({ min: 2, max: 256 });
const runningRef = fc.record({ job, attempt, slots }, { requiredKeys: ['job', 'attempt'] });
const workerMessage: fc.Arbitrary<WorkerMessage> = fc.record(
  {
    register: fc.record({
      protocolVersion: fc.nat(),
      worker: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).map((id) => id as WorkerId),
      incarnation: fc.string(),
      slots: fc.nat(),
      startingSlots: fc.nat(),
      host: fc.string(),
      nodeVersion: fc.string(),
      running: fc.array(runningRef, { maxLength: 3 }),
    }),
    renewLease: fc.boolean(),
    reports: fc.array(report, { maxLength: 3 }),
    progress: fc.array(fc.record({ job, attempt, records: count, bytes: count, share }), { maxLength: 3 }),
    draining: fc.boolean(),
    startingSlots: fc.nat(),
  },
  { requiredKeys: ['renewLease', 'reports', 'progress', 'draining'] },
);
const inspect = fc.record({
  params: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue().map(plain), { noNullPrototype: true }),
  inputs: fc.array(fc.string()),
  output: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  baseUri: fc.string(),
  limitRecords: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
});
const assignment: fc.Arbitrary<Assignment> = fc
  .record(
    {
      job,
      attempt,
      kind: fc.constantFrom('inspect', 'map', 'reduce'),
      index: fc.nat(),
      generation: fc.nat(),
      revision: fc.nat(),
      codeVersion: fc.string(),
      inspect,
      together: fc.option(fc.record({ first: fc.nat(), end: fc.nat() }), { nil: undefined }),
      slots,
      isCareful: fc.constant(true),
    },
    {
      requiredKeys: ['job', 'attempt', 'kind', 'index', 'generation', 'revision', 'codeVersion', 'inspect', 'together'],
    },
  )
  .map((a) => ({ ...a, kind: a.kind, inspect: a.kind === 'inspect' ? a.inspect : undefined }));
const coordinatorMessage: fc.Arbitrary<CoordinatorMessage> = fc.record(
  {
    registered: fc.record(
      {
        protocolVersion: fc.nat(),
        epoch: count,
        storeUri: fc.string(),
        leaseRenewMs: fc.nat(),
        leaseDeadMs: fc.nat(),
        s3: fc.record({ endpoint: fc.string({ minLength: 1 }), region: fc.string() }),
      },
      { requiredKeys: ['protocolVersion', 'epoch', 'storeUri', 'leaseRenewMs', 'leaseDeadMs'] },
    ),
    assign: fc.array(assignment, { maxLength: 3 }),
    cancel: fc.array(ref, { maxLength: 3 }),
    acknowledge: fc.array(ref, { maxLength: 3 }),
    drain: fc.boolean(),
    endedJobs: fc.array(job, { maxLength: 3 }),
  },
  { requiredKeys: ['assign', 'cancel', 'acknowledge', 'drain', 'endedJobs'] },
);

/** JSON as it comes back: no negative zero. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

describe('the wire', () => {
  test('carries what a worker says unchanged', () => {
    fc.assert(
      fc.property(workerMessage, (message) => {
        expect(through.worker(message)).toEqual(message);
      }),
    );
  });

  test('carries what a coordinator says unchanged', () => {
    fc.assert(
      fc.property(coordinatorMessage, (message) => {
        expect(through.coordinator(message)).toEqual(message);
      }),
    );
  });

  test('calls the 0 of every enum UNSPECIFIED', () => {
    const zeros = Object.entries(loadSync(protoFiles, { includeDirs: [protoFolder] })).flatMap(([name, definition]) => {
      if (definition.format !== 'Protocol Buffer 3 EnumDescriptorProto') return [];
      const { value } = definition.type as { value: { name: string; number: number }[] };
      return value.filter(({ number }) => number === 0).map((zero) => [name.replace(/.*\./, ''), zero.name]);
    });
    expect(zeros.sort()).toEqual([
      ['FailureClass', 'FAILURE_CLASS_UNSPECIFIED'],
      ['JobState', 'JOB_STATE_UNSPECIFIED'],
      ['TaskKind', 'TASK_KIND_UNSPECIFIED'],
    ]);
  });

  test.each([undefined, 'TASK_KIND_UNSPECIFIED'] as const)('refuses a task kind that is %s', (kind) => {
    const assign = [{ jobId: 'abcdefghijkl', attempt: 'map-00000.1-1', ...(kind && { kind }) }];
    const wire = Session.responseDeserialize(Session.responseSerialize({ assign }));
    expect(() => coordinatorMessageFromWire(wire)).toThrow(/task kind is TASK_KIND_UNSPECIFIED/);
  });

  test.each([undefined, 'FAILURE_CLASS_UNSPECIFIED'] as const)('refuses a failure class that is %s', (kind) => {
    const failed = { code: 'internal', message: 'x', ...(kind && { class: kind }) };
    const reports = [{ jobId: 'abcdefghijkl', attempt: 'map-00000.1-1', failure: failed }];
    const wire = Session.requestDeserialize(Session.requestSerialize({ reports }));
    expect(() => workerMessageFromWire(wire)).toThrow(/failure class is FAILURE_CLASS_UNSPECIFIED/);
  });

  test.each<[string, unknown]>([
    ['a job without a state', { outcome: { jobId: 'abcdefghijkl' } }],
    ['a state that a job comes to', { state: { from: 'JOB_STATE_QUEUED' } }],
    ['a state that a job comes from, but for the first', { state: { to: 'JOB_STATE_QUEUED' } }],
  ])('refuses %s', (_what, event) => {
    const { WatchJob } = JobService.service;
    const wire = WatchJob.responseDeserialize(WatchJob.responseSerialize({ events: [event as object] }));
    expect(() => wire.events.map(eventFromWire)).toThrow(/job state is JOB_STATE_UNSPECIFIED/);
  });

  test('refuses counts above 2^53 instead of rounding them', () => {
    const bytes = Session.requestSerialize({
      progress: [{ jobId: 'abcdefghijkl', attempt: 'map-00000.1-1', records: '9007199254740993' }],
    });
    const wire = Session.requestDeserialize(bytes);
    expect(() => workerMessageFromWire(wire)).toThrow(/records is 9007199254740993/);
  });

  test('refuses ids that are none', () => {
    const bytes = Session.responseSerialize({ cancel: [{ jobId: '../../etc', attempt: 'map-00000.1-1' }] });
    const wire = Session.responseDeserialize(bytes);
    expect(() => coordinatorMessageFromWire(wire)).toThrow(/not a job id/);
  });
});
