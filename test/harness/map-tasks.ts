/** Map tasks over given emits and the merge of one partition of them, as a job runs them. */
import { MapOutput, type MapOutputOptions } from '../../shared/kernel/reference/map-output.js';
import { mergeGroups, type GroupCursor } from '../../shared/kernel/reference/merge.js';
import { memoryScratch } from '../../shared/kernel/scratch.js';
import { partitionSource, type Emits, type ShuffleObject } from './shuffle.js';

export type HowToCombine = Pick<MapOutputOptions, 'aggregator' | 'fold'>;

/** The shuffle objects of tasks, one for each list of emits. Some records fail, and nothing of theirs is kept. */
export function mapTasks(tasks: readonly Emits[], partitions: number, how: HowToCombine): ShuffleObject[] {
  return tasks.map((emits, task) => {
    const attempt = `map-${task}.1-1`;
    const output = new MapOutput({ ...how, job: 'job', attempt, partitions, memoryBytes: 2 ** 26 });
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

export function mergeOf(objects: readonly ShuffleObject[], partition: number, openMax: number): GroupCursor {
  return mergeGroups({
    sources: objects.map((object) => () => partitionSource(object, partition)),
    openMax,
    scratch: memoryScratch(),
  });
}
