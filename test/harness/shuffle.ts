/** Shuffle objects in memory, read the way an executor reads them: tail, index, frames, blocks. */
import { decodeBlock, type Block } from '../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../shared/codec/frame.js';
import { parseIndex, parseTail, TAIL_BYTES, type ShuffleIndex } from '../../shared/codec/shuffle-object.js';
import type { BlockSource } from '../../shared/kernel/block-source.js';
import type { ShuffleSummary } from '../../shared/kernel/map-output.js';
import { kernels, type OutputOptions } from './engines.js';

export interface ShuffleObject {
  readonly attempt: string;
  readonly bytes: Buffer;
  readonly summary: Omit<ShuffleSummary, 'bytesSpilled'>;
}

export type Emits = readonly (readonly [key: unknown, value: unknown])[];

/** One map attempt whose records emit one pair each. */
export function shuffleObject(options: Omit<OutputOptions, 'job'>, emits: Emits, job = 'job'): ShuffleObject {
  const output = kernels.output({ ...options, job, memoryBytes: 512 * 1024 * 1024 });
  for (const [key, value] of emits) {
    output.emit(key, value);
    output.recordDone();
  }
  const pieces: Buffer[] = [];
  const summary = output.finish((bytes) => void pieces.push(Buffer.from(bytes)));
  return { attempt: options.attempt, bytes: Buffer.concat(pieces), summary };
}

export function indexOf(object: ShuffleObject): ShuffleIndex {
  const { bytes, attempt } = object;
  const tail = parseTail(bytes.subarray(bytes.length - TAIL_BYTES), identityOf('job', attempt));
  return parseIndex(bytes.subarray(tail.indexOffset, tail.firstKeysOffset), tail);
}

export function partitionSource(object: ShuffleObject, partition: number): BlockSource {
  const entry = indexOf(object).partitions[partition];
  const frames = new FrameReader(identityOf('job', object.attempt), partition);
  frames.push(object.bytes.subarray(entry!.offset, entry!.offset + entry!.bytes));
  return {
    next: (): Block | undefined => {
      const payload = frames.next();
      if (payload) return decodeBlock(payload);
      frames.end();
      return undefined;
    },
  };
}
