import { describe, expect, test } from 'vitest';
import { partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import { decodeBlock, encodeBlock, type Block } from '../../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../../shared/codec/frame.js';
import { verifyShuffleObject } from '../../../shared/codec/shuffle-object.js';
import { hasCode } from '../../../shared/errors.js';
import { engines, type Engine } from '../../harness/engines.js';
import { mergeBlocks } from '../../harness/map-tasks.js';

const job = 'abcdefghijkl';
const attempt = 'map-00000.1-1';

function blockOf(engine: Engine, aggregator: BuiltInSpec, values: readonly unknown[]): Block {
  const output = engine.output({ partitions: 1, aggregator, job, attempt });
  values.forEach((value, i) => output.emit(`key ${i >> 1}`, value));
  output.recordDone();
  const pieces: Uint8Array[] = [];
  output.finish((bytes) => pieces.push(bytes));
  const object = new Uint8Array(Buffer.concat(pieces));
  const [entry] = verifyShuffleObject(object, identityOf(job, attempt)).partitions;
  const reader = new FrameReader(identityOf(job, attempt), 0);
  reader.push(object.subarray(0, entry!.bytes));
  return decodeBlock(reader.next()!);
}

/** Reads a block as a reducer does, by itself or next to another one, through a scratch run. */
function fold(engine: Engine, block: Block, aggregator: BuiltInSpec): number {
  const cursor = mergeBlocks(engine, [[block], [block], [block]], 2, aggregator);
  while (cursor.nextGroup()) cursor.foldStates();
  return cursor.found.records;
}

const ends = specOfFields([
  ['min', partSpec('min')],
  ['max', partSpec('max')],
]);
const all = specOfFields([
  ['ends', ends],
  ['n', partSpec('count')],
  ['sum', partSpec('sum')],
]);

describe.each(engines)('with $name a damaged block of states that got past its checksum', (engine) => {
  test.each([
    ['count', 'state', partSpec('count'), [1, 2, 3, 4, 5]],
    ['sum', 'state', partSpec('sum'), [0.5, 2, -3.25]],
    ['sum', 'wide', partSpec('sum'), [1e-300, 2, 3, -1e300]],
    ['min', 'state', partSpec('min'), [1, 2, 3]],
    ['max', 'wide', partSpec('max'), ['x', 3n, 4, 'y']],
    ['all parts', 'state', all, [1, 2, 3]],
    ['all parts', 'wide', all, [1e-300, 2, 3, -1e300]],
    ['min and max', 'wide', ends, ['x', 3n, 4, 'y']],
  ] as const)('%s (%s) is folded or refused, whichever byte is changed', (_name, kind, aggregator, values) => {
    const block = blockOf(engine, aggregator, values);
    expect(block.kind).toBe(kind);
    expect(fold(engine, block, aggregator)).toBe(block.rows * 3);
    const bytes = encodeBlock(block);
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const bits of [0x01, 0x08, 0x80, 0xff]) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] as number) ^ bits;
        try {
          fold(engine, decodeBlock(damaged), aggregator);
        } catch (error) {
          expect(hasCode(error, 'block-corrupt'), String(error)).toBe(true);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});
