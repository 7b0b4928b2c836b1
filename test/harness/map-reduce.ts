/** Whole jobs over one engine: map tasks of records that are done or fail, shuffle objects, and the merge of each partition. */
import { inspect, isDeepStrictEqual } from 'node:util';
import type { BuiltInSpec } from '../../shared/aggregation.js';
import { identityOf } from '../../shared/codec/frame.js';
import type { Key } from '../../shared/codec/key.js';
import { verifyShuffleObject } from '../../shared/codec/shuffle-object.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import type { OwnFold, ValueFold } from '../../shared/kernel/value-fold.js';
import type { Engine, Frames } from './engines.js';

/** One record: what it emits, and whether `map` throws after that. */
export interface MapRecord {
  readonly emits: readonly (readonly [key: unknown, value: unknown])[];
  readonly fails: boolean;
}

export interface Job {
  readonly tasks: readonly (readonly MapRecord[])[];
  readonly partitions: number;
  readonly partition?: (key: Key, count: number) => number;
  readonly spec?: BuiltInSpec | undefined;
  readonly fold?: (() => ValueFold) | undefined;
  readonly combine?: CombineMode | undefined;
  /** What a reducer makes of the values of a key: all of them when there is none. */
  readonly reduce?: ((values: readonly unknown[]) => unknown) | undefined;
}

export interface Resources {
  readonly memoryBytes: number;
  readonly openMax: number;
}

export interface Outcome {
  /** Of each partition, its keys in order with what a reducer sees: the result, or the values. */
  readonly partitions: readonly (readonly (readonly [key: Key, result: unknown])[])[];
  readonly emitted: number;
  /** Emits that the rows found by the merges stand for. */
  readonly weight: number;
  readonly inexact: number;
  readonly bytesSpilled: number;
}

interface MappedTask {
  readonly frames: readonly Frames[];
  readonly emitted: number;
  readonly bytesSpilled: number;
}

function mapTask(engine: Engine, job: Job, task: number, memoryBytes: number): MappedTask {
  const attempt = `map-${task}.1-1`;
  const { partitions, partition, spec, fold, combine } = job;
  const output = engine.output({
    partitions,
    partition,
    aggregator: spec,
    fold: fold?.(),
    combine,
    memoryBytes,
    job: 'job',
    attempt,
  });
  for (const { emits, fails } of job.tasks[task] ?? []) {
    for (const [key, value] of emits) output.emit(key, value);
    if (fails) output.recordFailed();
    else output.recordDone();
  }
  const pieces: Uint8Array[] = [];
  const summary = output.finish((bytes) => void pieces.push(bytes));
  const bytes = new Uint8Array(Buffer.concat(pieces));
  const identity = identityOf('job', attempt);
  const entries = verifyShuffleObject(bytes, identity).partitions;
  return {
    frames: entries.map((entry, number) => ({
      bytes: bytes.subarray(entry.offset, entry.offset + entry.bytes),
      identity,
      partition: number,
    })),
    emitted: summary.combinedIn,
    bytesSpilled: summary.bytesSpilled ?? 0,
  };
}

/** Runs the job; `memoryBytes` is what each map task has. */
export function runJobOn(engine: Engine, job: Job, { memoryBytes, openMax }: Resources): Outcome {
  const tasks = job.tasks.map((_, task) => mapTask(engine, job, task, memoryBytes));
  const { spec } = job;
  const fold = job.fold?.();
  let weight = 0;
  let inexact = 0;
  const partitions = Array.from({ length: job.partitions }, (_, partition) => {
    const inputs = tasks.map(({ frames }) => frames[partition]!).filter(({ bytes }) => bytes.length > 0);
    const cursor = engine.merge(inputs, { openMax, spec });
    const rows: [Key, unknown][] = [];
    while (cursor.nextGroup()) {
      const key = cursor.key();
      const values: unknown[] = [];
      if (fold && 'result' in fold) {
        cursor.foldValues(fold);
        values.push((fold as OwnFold).result());
      }
      while (!spec && cursor.nextValue()) values.push(cursor.value());
      rows.push([key, spec ? cursor.foldStates() : job.reduce ? job.reduce(values) : values]);
    }
    weight += cursor.found.weight;
    inexact += cursor.inexact;
    return rows;
  });
  const total = (of: (task: MappedTask) => number) => tasks.reduce((sum, task) => sum + of(task), 0);
  return { partitions, weight, inexact, emitted: total((t) => t.emitted), bytesSpilled: total((t) => t.bytesSpilled) };
}

/** The first thing in which two outcomes differ, in words: a whole difference of large ones takes minutes to show. */
export function difference(found: Outcome, expected: Outcome): string | undefined {
  for (const name of ['emitted', 'weight', 'inexact'] as const) {
    if (found[name] !== expected[name]) return `${name} is ${found[name]}, not ${expected[name]}`;
  }
  for (const [partition, rows] of expected.partitions.entries()) {
    const others = found.partitions[partition] ?? [];
    if (others.length !== rows.length) return `partition ${partition} has ${others.length} keys, not ${rows.length}`;
    const place = rows.findIndex((row, i) => !isDeepStrictEqual(row, others[i]));
    if (place >= 0)
      return `partition ${partition}, key ${place}: ${inspect(others[place])}, not ${inspect(rows[place])}`;
  }
  return undefined;
}
