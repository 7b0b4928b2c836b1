/**
 * Task code in miniature: attempts that read and write real objects in a store and report counts that add up, without an
 * executor. A "record" is a byte of input; the record at offset `o` belongs to partition `o mod R` and weighs `o`.
 */
import { hex64, xxh64 } from '../../shared/codec/checksum.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { zeroCounts, type Counts } from '../../shared/counts.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { outputNames, storeKeys, type Inspection, type Plan, type StageObject } from '../../shared/plan.js';
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
  readonly deadlineMs?: number;
  /** Each attempt of a map task emits something of its own: see `Made`. */
  readonly unrepeatable?: boolean;
}

export interface TaskPlaces {
  readonly store: ObjectStore;
  /** Store and prefix (with a final slash) of an output. */
  readonly storeFor: (output: string) => { readonly store: ObjectStore; readonly prefix: string };
}

/** What an attempt of an unrepeatable map task makes up: `extra` records of weight 1 for one partition. */
export interface Made {
  readonly partition: number;
  readonly extra: number;
}

interface Mapped {
  readonly partitions: readonly { readonly records: number; readonly sum: string }[];
  /** Empty where the map is repeatable. */
  readonly made: readonly Made[];
}

interface ShuffleObject extends Mapped {
  readonly attempt: string;
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
  const { kind, inputBytes, splitBytes, partitions, output, deadlineMs } = spec.params as unknown as MiniatureJob;
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
      // Slow attempts of some jobs go on alone, so that they come late.
      speculate: partitions % 2 === 0,
      ...(deadlineMs !== undefined && { deadlineMs }),
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
  const made = (plan.params as MiniatureJob).unrepeatable === true ? [madeBy(attempt, plan.partitions)] : [];
  if (plan.descriptor.kind === 'map-only') {
    const rows = offsets.map((at) => `${at}\n`).join('');
    const { seal } = await stage(places, plan, index, attempt, rows);
    const counts = { ...read, rows: offsets.length, rowsWritten: offsets.length, bytesWritten: rows.length };
    return { kind: 'map', key: '', digest: 0n, bytes: 0, counts, seal };
  }
  const partitions = Array.from({ length: plan.partitions }, (_, partition) => {
    const own = offsets.filter((at) => at % plan.partitions === partition);
    const extra = extraOf(made, partition);
    const sum = own.reduce((sum, at) => (sum + BigInt(at)) & U64, BigInt(extra));
    return { records: own.length + extra, sum: String(sum) };
  });
  const bytes = encode({ attempt, partitions, made } satisfies ShuffleObject);
  const digest = digestOf({ partitions, made });
  const emitted = partitions.reduce((sum, { records }) => sum + records, 0);
  const key = storeKeys.shuffle(job, (digest & 0xffn).toString(16).padStart(2, '0'), attempt);
  await places.store.put(key, bytes, { durable: false });
  const counts: Counts = {
    ...read,
    emitted,
    combinedIn: emitted,
    combinedOut: emitted,
    shuffledOutRecords: emitted,
    shuffledOutWeight: emitted,
    shuffledOutSum: partitions.reduce((sum, { sum: own }) => (sum + BigInt(own)) & U64, 0n),
    bytesShuffled: bytes.length,
  };
  return { kind: 'map', key, digest, bytes: bytes.length, counts, seal: undefined };
}

/** The same of every attempt that wrote the same records. */
function digestOf({ partitions, made }: Mapped): bigint {
  return xxh64(encode({ partitions, made }));
}

function madeBy(attempt: string, partitions: number): Made {
  const hash = Number(xxh64(Buffer.from(attempt)) % 1_000_003n);
  return { partition: hash % partitions, extra: 1 + (hash % 5) };
}

function extraOf(made: readonly Made[], partition: number): number {
  return made.reduce((sum, one) => sum + (one.partition === partition ? one.extra : 0), 0);
}

async function reduce(places: TaskPlaces, assignment: Assignment): Promise<TaskResult> {
  const { job, attempt, index, generation, revision } = assignment;
  const plan = decode(await places.store.get(storeKeys.plan(job))) as Plan;
  const key = storeKeys.stageManifest(job, 'map', { generation, revision });
  const manifest = parseStageManifest(await places.store.get(key));
  let records = 0;
  let sum = 0n;
  const made: Made[] = [];
  for (const object of manifest.objects) {
    const found = await fetchObject(places.store, object);
    made.push(...found.made);
    records += found.partitions[index]?.records ?? 0;
    sum = (sum + BigInt(found.partitions[index]?.sum ?? '0')) & U64;
  }
  const rows = records === 0 ? 0 : 1;
  const text = rowOf(index, records, sum, made);
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
  const declared = { declaredSum: sum, declaredRecords: records, declaredWeight: records };
  return { kind: 'reduce', generation, counts, seal, ...declared };
}

/** Says what every map task made up, so that one part tells whose output it is made of. */
function rowOf(key: number, records: number, sum: bigint, made: readonly Made[]): string {
  if (records === 0) return '';
  const whose = made.length === 0 ? {} : { made };
  return `${JSON.stringify({ key, records, sum: String(sum), ...whose })}\n`;
}

/** Read once again when it cannot be read, as an executor does. */
async function fetchObject(store: ObjectStore, object: StageObject): Promise<ShuffleObject> {
  for (let reads = 1; ; reads++) {
    try {
      return readObject(await store.get(object.key), object);
    } catch (error) {
      const known = GristmillError.from(error);
      const code = known.code === 'object-not-found' ? 'shuffle-missing' : known.code;
      if (code !== 'shuffle-missing' && code !== 'shuffle-corrupt') throw error;
      if (reads < limits.shuffleReadsMax) continue;
      throw new GristmillError(code, known.message, { cause: error, producers: [object.attempt] });
    }
  }
}

function readObject(bytes: Uint8Array, { attempt, digest }: StageObject): ShuffleObject {
  try {
    const found = decode(bytes) as ShuffleObject;
    if (found.attempt === attempt && hex64(digestOf(found)) === digest) return found;
  } catch {
    // Not even JSON: as corrupt as JSON of another digest.
  }
  throw new GristmillError('shuffle-corrupt', 'simulated: a shuffle object is not as it was written');
}

async function stage(places: TaskPlaces, plan: Plan, part: number, attempt: string, text: string) {
  const { store, prefix } = places.storeFor(plan.output);
  const write = await store.stage(prefix + outputNames.part(part, plan.descriptor.sink.format), attempt);
  await write.write(Buffer.from(text));
  return { seal: await write.seal() };
}

/** What the row of a part says of whose output it is made of; undefined where there is no row. */
export function madeIn(part: string): readonly Made[] | undefined {
  return part === ''
    ? undefined
    : ((JSON.parse(part.slice(0, part.indexOf('\n'))) as { readonly made?: readonly Made[] }).made ?? []);
}

/** What every part must hold, whatever ran where and however often, when the maps have made this up. */
export function expectedParts(job: MiniatureJob, plan: Plan, made: readonly Made[] = []): readonly string[] {
  const maps = plan.maps.map((splits) => {
    const offsets: number[] = [];
    for (const { start, end } of splits) for (let at = start; at < end; at++) offsets.push(at);
    return offsets;
  });
  if (job.kind === 'map-only') return maps.map((offsets) => offsets.map((at) => `${at}\n`).join(''));
  const all = maps.flat();
  return Array.from({ length: plan.partitions }, (_, key) => {
    const own = all.filter((at) => at % plan.partitions === key);
    const extra = extraOf(made, key);
    const sum = own.reduce((total, at) => (total + BigInt(at)) & U64, BigInt(extra));
    return rowOf(key, own.length + extra, sum, made);
  });
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function decode(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
