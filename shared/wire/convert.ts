/** The protocol's messages to protobuf and back. What arrives is checked: nothing unspecified, no unknown enum. */
import { zeroCounts, type Counts } from '../counts.js';
import { GristmillError, isErrorCode, ERRORS, type Failure, type FailureClass } from '../errors.js';
import { parseAttemptId, parseJobId, parseWorkerId, type TaskKind } from '../ids.js';
import type {
  Assignment,
  AttemptRef,
  CoordinatorMessage,
  InspectSpec,
  Registered,
  Registration,
  RunningRef,
  TaskProgress,
  TaskReport,
  TaskResult,
  WorkerMessage,
} from '../protocol.js';
import type { Seal } from '../store/object-store.js';
import type { AttemptRef as AttemptRefIn, AttemptRef__Output } from '../../proto/generated/gristmill/v1/AttemptRef.js';
import type { Assignment as AssignmentIn, Assignment__Output } from '../../proto/generated/gristmill/v1/Assignment.js';
import type {
  CoordinatorMessage as CoordinatorMessageIn,
  CoordinatorMessage__Output,
} from '../../proto/generated/gristmill/v1/CoordinatorMessage.js';
import type { Counts as CountsIn, Counts__Output } from '../../proto/generated/gristmill/v1/Counts.js';
import type { Failure as FailureIn, Failure__Output } from '../../proto/generated/gristmill/v1/Failure.js';
import type {
  InspectSpec as InspectSpecIn,
  InspectSpec__Output,
} from '../../proto/generated/gristmill/v1/InspectSpec.js';
import type { Register as RegisterIn, Register__Output } from '../../proto/generated/gristmill/v1/Register.js';
import type { Registered as RegisteredIn, Registered__Output } from '../../proto/generated/gristmill/v1/Registered.js';
import type { Seal as SealIn, Seal__Output } from '../../proto/generated/gristmill/v1/Seal.js';
import type {
  TaskProgress as TaskProgressIn,
  TaskProgress__Output,
} from '../../proto/generated/gristmill/v1/TaskProgress.js';
import type { TaskReport as TaskReportIn, TaskReport__Output } from '../../proto/generated/gristmill/v1/TaskReport.js';
import type {
  WorkerMessage as WorkerMessageIn,
  WorkerMessage__Output,
} from '../../proto/generated/gristmill/v1/WorkerMessage.js';

const KINDS = { inspect: 'TASK_KIND_INSPECT', map: 'TASK_KIND_MAP', reduce: 'TASK_KIND_REDUCE' } as const;

const CLASSES = {
  user: 'FAILURE_CLASS_USER',
  definition: 'FAILURE_CLASS_DEFINITION',
  input: 'FAILURE_CLASS_INPUT',
  output: 'FAILURE_CLASS_OUTPUT',
  machine: 'FAILURE_CLASS_MACHINE',
  store: 'FAILURE_CLASS_STORE',
  fetch: 'FAILURE_CLASS_FETCH',
  resources: 'FAILURE_CLASS_RESOURCES',
  internal: 'FAILURE_CLASS_INTERNAL',
} as const satisfies Readonly<Record<FailureClass, string>>;

function invalid(what: string): GristmillError {
  return new GristmillError('invalid-request', `refused a message: ${what}`);
}

function nameOf<Name extends string>(names: Readonly<Record<Name, string>>, wire: string, what: string): Name {
  for (const name of Object.keys(names) as Name[]) if (names[name] === wire) return name;
  throw invalid(`${what} is ${wire}`);
}

/** A count from its decimal string: exact below 2^53, refused above. */
export function numberOf(text: string, what: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw invalid(`${what} is ${text}`);
  return number;
}

function required<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw invalid(`${what} is missing`);
  return value;
}

export function countsToWire(counts: Counts): CountsIn {
  const { shuffledOutSum, shuffledInSum, ...rest } = counts;
  return { ...rest, shuffledOutSum: shuffledOutSum.toString(), shuffledInSum: shuffledInSum.toString() };
}

export function countsFromWire(wire: Counts__Output): Counts {
  const counts: Record<string, unknown> = {};
  for (const [name, zero] of Object.entries(zeroCounts)) {
    const text: unknown = wire[name as keyof Counts__Output];
    if (typeof zero === 'number') counts[name] = numberOf(text as string, name);
    else if (typeof zero === 'bigint') counts[name] = BigInt(text as string);
  }
  const user: Record<string, number> = {};
  for (const [name, text] of Object.entries(wire.user)) user[name] = numberOf(text, `counter ${name}`);
  return { ...(counts as unknown as Counts), user };
}

export function failureToWire(failure: Failure): FailureIn {
  return {
    class: CLASSES[failure.class],
    code: failure.code,
    message: failure.message,
    retryable: failure.retryable,
    countsTowardLimit: failure.countsTowardLimit,
    where: failure.where ?? '',
    stack: failure.stack ?? '',
    producers: [...(failure.producers ?? [])],
  };
}

export function failureFromWire(wire: Failure__Output): Failure {
  if (!isErrorCode(wire.code)) throw invalid(`failure code is ${JSON.stringify(wire.code)}`);
  const failureClass = nameOf(CLASSES, wire.class, 'failure class');
  if (failureClass !== ERRORS[wire.code].class) throw invalid(`failure class ${failureClass} of code ${wire.code}`);
  return {
    class: failureClass,
    code: wire.code,
    message: wire.message,
    retryable: wire.retryable,
    countsTowardLimit: wire.countsTowardLimit,
    where: wire.where === '' ? undefined : wire.where,
    stack: wire.stack === '' ? undefined : wire.stack,
    ...(wire.producers.length > 0 && { producers: wire.producers }),
  };
}

export function sealToWire(seal: Seal): SealIn {
  return { ...seal, xxh64: seal.xxh64.toString() };
}

export function sealFromWire(wire: Seal__Output): Seal {
  return { ...wire, bytes: numberOf(wire.bytes, 'seal bytes'), xxh64: BigInt(wire.xxh64) };
}

function refToWire(ref: AttemptRef): AttemptRefIn {
  return { jobId: ref.job, attempt: ref.attempt };
}

function refFromWire(wire: Pick<AttemptRef__Output, 'jobId' | 'attempt'>): AttemptRef {
  return { job: parseJobId(wire.jobId), attempt: parseAttemptId(wire.attempt) };
}

function runningFromWire(wire: AttemptRef__Output): RunningRef {
  return { ...refFromWire(wire), ...slotsFromWire(wire) };
}

/** Whoever knows of no other takes one. */
function slotsFromWire({ slots }: { readonly slots: number }): { readonly slots?: number } {
  return slots > 1 ? { slots } : {};
}

function resultToWire(result: TaskResult): Partial<TaskReportIn> {
  switch (result.kind) {
    case 'inspect':
      return { inspect: { key: result.key, xxh64: result.xxh64.toString() } };
    case 'map':
      return {
        map: {
          key: result.key,
          digest: result.digest.toString(),
          bytes: result.bytes,
          counts: countsToWire(result.counts),
          seal: result.seal ? sealToWire(result.seal) : null,
        },
      };
    case 'reduce':
      return {
        reduce: {
          counts: countsToWire(result.counts),
          seal: sealToWire(result.seal),
          declaredSum: result.declaredSum.toString(),
          declaredRecords: result.declaredRecords,
          declaredWeight: result.declaredWeight,
          generation: result.generation ?? 0,
        },
      };
    case 'failure':
      return { failure: failureToWire(result.failure) };
  }
}

function resultFromWire(wire: TaskReport__Output): TaskResult {
  if (wire.inspect) return { kind: 'inspect', key: wire.inspect.key, xxh64: BigInt(wire.inspect.xxh64) };
  if (wire.map) {
    return {
      kind: 'map',
      key: wire.map.key,
      digest: BigInt(wire.map.digest),
      bytes: numberOf(wire.map.bytes, 'bytes'),
      counts: countsFromWire(required(wire.map.counts, 'counts')),
      seal: wire.map.seal ? sealFromWire(wire.map.seal) : undefined,
    };
  }
  if (wire.reduce) {
    return {
      kind: 'reduce',
      counts: countsFromWire(required(wire.reduce.counts, 'counts')),
      seal: sealFromWire(required(wire.reduce.seal, 'seal')),
      declaredSum: BigInt(wire.reduce.declaredSum),
      declaredRecords: numberOf(wire.reduce.declaredRecords, 'declared records'),
      declaredWeight: numberOf(wire.reduce.declaredWeight, 'declared weight'),
      generation: wire.reduce.generation,
    };
  }
  return { kind: 'failure', failure: failureFromWire(required(wire.failure, 'result')) };
}

function reportToWire(report: TaskReport): TaskReportIn {
  return {
    jobId: report.job,
    attempt: report.attempt,
    elapsedMs: Math.round(report.elapsedMs),
    ...resultToWire(report.result),
  };
}

function reportFromWire(wire: TaskReport__Output): TaskReport {
  return {
    ...refFromWire(wire),
    elapsedMs: numberOf(wire.elapsedMs, 'elapsed'),
    result: resultFromWire(wire),
  };
}

function progressToWire(progress: TaskProgress): TaskProgressIn {
  return { ...refToWire(progress), records: progress.records, bytes: progress.bytes, share: progress.share ?? 0 };
}

function progressFromWire(wire: TaskProgress__Output): TaskProgress {
  return {
    ...refFromWire(wire),
    records: numberOf(wire.records, 'records'),
    bytes: numberOf(wire.bytes, 'bytes'),
    share: wire.share,
  };
}

function registrationToWire(registration: Registration): RegisterIn {
  const { worker, running, ...rest } = registration;
  const refs = running.map((ref) => ({ ...refToWire(ref), slots: ref.slots ?? 1 }));
  return { ...rest, workerId: worker, running: refs };
}

function registrationFromWire(wire: Register__Output): Registration {
  return {
    protocolVersion: wire.protocolVersion,
    worker: parseWorkerId(wire.workerId),
    incarnation: wire.incarnation,
    slots: wire.slots,
    startingSlots: wire.startingSlots,
    host: wire.host,
    nodeVersion: wire.nodeVersion,
    running: wire.running.map(runningFromWire),
  };
}

function inspectToWire(spec: InspectSpec): InspectSpecIn {
  return {
    params: Object.fromEntries(Object.entries(spec.params).map(([name, value]) => [name, JSON.stringify(value)])),
    inputs: [...spec.inputs],
    output: spec.output ?? '',
    baseUri: spec.baseUri,
    limitRecords: spec.limitRecords ?? 0,
  };
}

/** Parameters as they travel: each value as JSON. */
export function paramsFromWire(wire: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(wire).map(([name, text]): [string, unknown] => {
      try {
        return [name, JSON.parse(text)];
      } catch {
        throw invalid(`parameter ${name} is not JSON`);
      }
    }),
  );
}

function inspectFromWire(wire: InspectSpec__Output): InspectSpec {
  const limit = numberOf(wire.limitRecords, 'limit');
  return {
    params: paramsFromWire(wire.params),
    inputs: wire.inputs,
    output: wire.output === '' ? undefined : wire.output,
    baseUri: wire.baseUri,
    limitRecords: limit === 0 ? undefined : limit,
  };
}

function assignmentToWire(assignment: Assignment): AssignmentIn {
  return {
    ...refToWire(assignment),
    kind: KINDS[assignment.kind],
    index: assignment.index,
    generation: assignment.generation,
    revision: assignment.revision,
    codeVersion: assignment.codeVersion,
    inspect: assignment.inspect ? inspectToWire(assignment.inspect) : null,
    together: assignment.together ?? null,
    slots: assignment.slots ?? 1,
    isCareful: assignment.isCareful ?? false,
  };
}

function assignmentFromWire(wire: Assignment__Output): Assignment {
  const kind: TaskKind = nameOf(KINDS, wire.kind, 'task kind');
  return {
    ...refFromWire(wire),
    kind,
    index: wire.index,
    generation: wire.generation,
    revision: wire.revision,
    codeVersion: wire.codeVersion,
    inspect: kind === 'inspect' ? inspectFromWire(required(wire.inspect, 'inspect')) : undefined,
    together: wire.together ? { first: wire.together.first, end: wire.together.end } : undefined,
    ...slotsFromWire(wire),
    ...(wire.isCareful && { isCareful: true }),
  };
}

function registeredToWire(registered: Registered): RegisteredIn {
  const { s3, ...rest } = registered;
  return { ...rest, s3Endpoint: s3?.endpoint ?? '', s3Region: s3?.region ?? '' };
}

function registeredFromWire({ s3Endpoint: endpoint, s3Region: region, ...wire }: Registered__Output): Registered {
  const s3 = endpoint !== '' && { s3: { endpoint, region } };
  return { ...wire, epoch: numberOf(wire.epoch, 'epoch'), ...s3 };
}

export function workerMessageToWire(message: WorkerMessage): WorkerMessageIn {
  return {
    register: message.register ? registrationToWire(message.register) : null,
    renewLease: message.renewLease ?? false,
    reports: (message.reports ?? []).map(reportToWire),
    progress: (message.progress ?? []).map(progressToWire),
    draining: message.draining ?? false,
    capacity: message.startingSlots === undefined ? null : { startingSlots: message.startingSlots },
  };
}

export function workerMessageFromWire(wire: WorkerMessage__Output): WorkerMessage {
  return {
    ...(wire.register && { register: registrationFromWire(wire.register) }),
    renewLease: wire.renewLease,
    reports: wire.reports.map(reportFromWire),
    progress: wire.progress.map(progressFromWire),
    draining: wire.draining,
    ...(wire.capacity && { startingSlots: wire.capacity.startingSlots }),
  };
}

export function coordinatorMessageToWire(message: CoordinatorMessage): CoordinatorMessageIn {
  return {
    registered: message.registered ? registeredToWire(message.registered) : null,
    assign: (message.assign ?? []).map(assignmentToWire),
    cancel: (message.cancel ?? []).map(refToWire),
    acknowledge: (message.acknowledge ?? []).map(refToWire),
    drain: message.drain ?? false,
    endedJobs: [...(message.endedJobs ?? [])],
  };
}

export function coordinatorMessageFromWire(wire: CoordinatorMessage__Output): CoordinatorMessage {
  return {
    ...(wire.registered && { registered: registeredFromWire(wire.registered) }),
    assign: wire.assign.map(assignmentFromWire),
    cancel: wire.cancel.map(refFromWire),
    acknowledge: wire.acknowledge.map(refFromWire),
    drain: wire.drain,
    endedJobs: wire.endedJobs.map(parseJobId),
  };
}
