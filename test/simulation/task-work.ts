/**
 * Task code in miniature: attempts that read and write real objects in a store and report counts that add up, without an
 * executor. A "record" is a byte of input; the record at offset `o` belongs to partition `o mod R` and weighs `o`.
 */
import { xxh64 } from '../../shared/codec/checksum.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { zeroCounts, type Counts } from '../../shared/counts.js';
import { GristmillError } from '../../shared/errors.js';
import { outputNames, storeKeys, type Inspection, type Plan } from '../../shared/plan.js';
import type { Assignment, TaskResult } from '../../shared/protocol.js';
import type { ObjectStore } from '../../shared/store/object-store.js';

/** What a miniature job is, carried in its parameters. */
export interface MiniatureJob {
  readonly kind: 'reduce' | 'map-only';
  readonly inputBytes: readonly number[];
  readonly splitBytes: number;
  readonly partitions: number;
  readonly output: string;
  /** Its first map task throws, as user code does. */
  readonly doomed?: boolean;
}

export interface TaskPlaces {
  readonly store: ObjectStore;
  /** Store and prefix (with a final slash) of an output. */
  readonly storeFor: (output: string) => { readonly store: ObjectStore; readonly prefix: string };
}

interface ShuffleObject {
  readonly attempt: string;
  readonly partitions: readonly { readonly records: number; readonly sum: string }[];
}

const U64 = (1n << 64n) - 1n;

export async function doTask(places: TaskPlaces, assignment: Assignment): Promise<TaskResult> {
  switch (assignment.kind) {
    case 'inspect':
      return inspect(places, assignment);
    case 'map':
      return map(places, assignment);
    case 'reduce':
      return reduce(places, assignment);
  }
}

async function inspect({ store }: TaskPlaces, { job, attempt, inspect: spec }: Assignment): Promise<TaskResult> {
  if (!spec) throw new Error('an inspect task without its specification');
  const { kind, inputBytes, splitBytes, partitions, output } = spec.params as unknown as MiniatureJob;
  const source = { format: 'text', uris: ['memory:input/*'], splitBytes, itemsPerSplit: undefined } as const;
  const inspection: Inspection = {
    version: 1,
    descriptor: {
      name: 'miniature',
      kind,
      source,
      sink: { format: 'jsonl', uri: output },
      aggregator: undefined,
      partitions: kind === 'reduce' ? partitions : undefined,
      memoryBytes: undefined,
      speculate: true,
    },
    params: spec.params,
    inputs: inputBytes.map((bytes, i) => ({ uri: `memory:input/${i}`, bytes, end: bytes, etag: String(bytes) })),
    output,
    limitRecords: spec.limitRecords,
  };
  const bytes = encode(inspection);
  const key = storeKeys.inspection(job, attempt);
  await store.put(key, bytes);
  return { kind: 'inspect', key, xxh64: xxh64(bytes) };
}

async function map(places: TaskPlaces, assignment: Assignment): Promise<TaskResult> {
  const { job, attempt, index } = assignment;
  const plan = decode(await places.store.get(storeKeys.plan(job))) as Plan;
  if (index === 0 && (plan.params as MiniatureJob).doomed === true) {
    throw new GristmillError('map-failed', 'simulated: the user’s map throws');
  }
  const offsets: number[] = [];
  for (const { start, end } of plan.maps[index] ?? []) for (let at = start; at < end; at++) offsets.push(at);
  const read: Counts = {
    ...zeroCounts,
    recordsRead: offsets.length,
    recordsMapped: offsets.length,
    bytesRead: offsets.length,
    emitted: offsets.length,
  };
  if (plan.descriptor.kind === 'map-only') {
    const rows = offsets.map((at) => `${at}\n`).join('');
    const { seal } = await stage(places, plan, index, attempt, rows);
    const counts = { ...read, rows: offsets.length, rowsWritten: offsets.length, bytesWritten: rows.length };
    return { kind: 'map', key: '', digest: 0n, bytes: 0, counts, seal };
  }
  const partitions = Array.from({ length: plan.partitions }, (_, partition) => {
    const own = offsets.filter((at) => at % plan.partitions === partition);
    return { records: own.length, sum: String(own.reduce((sum, at) => (sum + BigInt(at)) & U64, 0n)) };
  });
  const bytes = encode({ attempt, partitions } satisfies ShuffleObject);
  const digest = xxh64(bytes);
  const key = storeKeys.shuffle(job, (digest & 0xffn).toString(16).padStart(2, '0'), attempt);
  await places.store.put(key, bytes, { durable: false });
  const counts: Counts = {
    ...read,
    combinedIn: offsets.length,
    combinedOut: offsets.length,
    shuffledOutRecords: offsets.length,
    shuffledOutWeight: offsets.length,
    shuffledOutSum: partitions.reduce((sum, { sum: own }) => (sum + BigInt(own)) & U64, 0n),
    bytesShuffled: bytes.length,
  };
  return { kind: 'map', key, digest, bytes: bytes.length, counts, seal: undefined };
}

async function reduce(places: TaskPlaces, assignment: Assignment): Promise<TaskResult> {
  const { job, attempt, index, generation } = assignment;
  const plan = decode(await places.store.get(storeKeys.plan(job))) as Plan;
  const manifest = parseStageManifest(await places.store.get(storeKeys.stageManifest(job, 'map', generation)));
  let records = 0;
  let sum = 0n;
  for (const object of manifest.objects) {
    const found = decode(await places.store.get(object.key)) as ShuffleObject;
    if (found.attempt !== object.attempt) throw new Error('the object is of another attempt');
    records += found.partitions[index]?.records ?? 0;
    sum = (sum + BigInt(found.partitions[index]?.sum ?? '0')) & U64;
  }
  const rows = records === 0 ? 0 : 1;
  const text = rows === 0 ? '' : `${JSON.stringify({ key: index, records, sum: String(sum) })}\n`;
  const { seal } = await stage(places, plan, index, attempt, text);
  const counts: Counts = {
    ...zeroCounts,
    shuffledInRecords: records,
    shuffledInWeight: records,
    shuffledInSum: sum,
    groups: rows,
    rows,
    rowsWritten: rows,
    bytesWritten: text.length,
  };
  return { kind: 'reduce', counts, seal, declaredSum: sum, declaredRecords: records, declaredWeight: records };
}

async function stage(places: TaskPlaces, plan: Plan, part: number, attempt: string, text: string) {
  const { store, prefix } = places.storeFor(plan.output);
  const write = await store.stage(prefix + outputNames.part(part, plan.descriptor.sink.format), attempt);
  await write.write(Buffer.from(text));
  return { seal: await write.seal() };
}

/** What every part must hold, whatever ran where and however often. */
export function expectedParts(job: MiniatureJob, plan: Plan): readonly string[] {
  const maps = plan.maps.map((splits) => {
    const offsets: number[] = [];
    for (const { start, end } of splits) for (let at = start; at < end; at++) offsets.push(at);
    return offsets;
  });
  if (job.kind === 'map-only') return maps.map((offsets) => offsets.map((at) => `${at}\n`).join(''));
  const all = maps.flat();
  return Array.from({ length: plan.partitions }, (_, key) => {
    const own = all.filter((at) => at % plan.partitions === key);
    const sum = own.reduce((total, at) => (total + BigInt(at)) & U64, 0n);
    return own.length === 0 ? '' : `${JSON.stringify({ key, records: own.length, sum: String(sum) })}\n`;
  });
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function decode(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
