/** Map tasks over given emits and the merge of one partition of them, as a job runs them. */
import type { BuiltInSpec } from '../../shared/aggregation.js';
import type { Block } from '../../shared/codec/block.js';
import { identityOf } from '../../shared/codec/frame.js';
import { framesOf } from './blocks.js';
import type { Cursor, Engine, OutputOptions } from './engines.js';
import { indexOf, type Emits, type ShuffleObject } from './shuffle.js';

export type HowToCombine = Pick<OutputOptions, 'aggregator' | 'fold' | 'combine'>;

/** The shuffle objects of tasks, one for each list of emits. Some records fail, and nothing of theirs is kept. */
export function mapTasks(
  engine: Engine,
  tasks: readonly Emits[],
  partitions: number,
  how: HowToCombine,
): ShuffleObject[] {
  return tasks.map((emits, task) => {
    const attempt = `map-${task}.1-1`;
    const output = engine.output({ ...how, job: 'job', attempt, partitions });
    emits.forEach(([key, value], i) => {
      output.emit(key, value);
      output.recordDone();
      if (i % 4 !== 3) return;
      output.emit(key, value);
      output.recordFailed();
    });
    const pieces: Buffer[] = [];
    const summary = output.finish((bytes) => void pieces.push(Buffer.from(bytes)));
    return { attempt, bytes: Buffer.concat(pieces), summary };
  });
}

export function mergeOf(
  engine: Engine,
  objects: readonly ShuffleObject[],
  partition: number,
  openMax: number,
  spec?: BuiltInSpec,
): Cursor {
  const frames = objects.map((object) => {
    const entry = indexOf(object).partitions[partition]!;
    const bytes = object.bytes.subarray(entry.offset, entry.offset + entry.bytes);
    return { bytes, identity: identityOf('job', object.attempt), partition };
  });
  return engine.merge(frames, { openMax, spec });
}

/** The merge of lists of blocks, each a source. */
export function mergeBlocks(
  engine: Engine,
  sources: readonly (readonly Block[])[],
  openMax: number,
  spec?: BuiltInSpec,
): Cursor {
  return engine.merge(sources.map(framesOf), { openMax, spec });
}
