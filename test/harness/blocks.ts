/** Blocks made row by row, as another writer would make them, and framed as a run. */
import type { BuiltInSpec } from '../../shared/aggregation.js';
import { encodeBlock, KIND_IDS, type Block } from '../../shared/codec/block.js';
import { BlockBuilder } from '../../shared/codec/block-builder.js';
import { encodeFrame, identityOf } from '../../shared/codec/frame.js';
import { encodeKey, type Key } from '../../shared/codec/key.js';
import { encodeValue } from '../../shared/codec/value.js';
import { CompositeFold } from '../../shared/kernel/composite-fold.js';
import { kindOf } from '../../shared/kernel/value-kind.js';
import type { Frames } from './engines.js';

export interface Row {
  readonly key: Key;
  /** A plain value; with a specification, the list of values that its state has seen, and then they are its weight. */
  readonly value: unknown;
  readonly weight: number;
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'number') return new Uint8Array(new Float64Array([value + 0]).buffer);
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value));
  return value instanceof Uint8Array ? value : encodeValue(value);
}

function stateOf(spec: BuiltInSpec, values: readonly unknown[]): { readonly kind: number; readonly bytes: Uint8Array } {
  const fold = new CompositeFold(spec, 1);
  const encoded = new Uint8Array(70_000);
  fold.clear(0);
  for (const value of values) {
    if (typeof value === 'number' && fold.takesNumber(value)) fold.addNumber(0, value);
    else fold.addEncoded(0, encoded, 0, fold.encodeInto(value, encoded, 0));
  }
  const target = new Uint8Array(fold.bytesMax(0));
  const end = fold.write(0, target, 0);
  return { kind: fold.isWide(0) ? KIND_IDS.wide : KIND_IDS.state, bytes: target.slice(0, end) };
}

/** Blocks of the rows, cut where `sizes` says, over and over; rows of one block may differ in kind. */
export function blocksOf(rows: readonly Row[], sizes: readonly number[], spec?: BuiltInSpec): Block[] {
  const builder = new BlockBuilder(spec?.layout ?? []);
  const blocks: Block[] = [];
  for (const { key, value, weight } of rows) {
    const state = spec ? stateOf(spec, value as unknown[]) : { kind: kindOf(value), bytes: bytesOf(value) };
    builder.reserve(state.bytes.length).set(state.bytes, builder.valueAt);
    const keyBytes = encodeKey(key);
    const emits = spec ? (value as unknown[]).length : weight;
    builder.commit(keyBytes, 0, keyBytes.length, state.kind, builder.valueAt + state.bytes.length, emits);
    if (builder.rows >= (sizes[blocks.length % sizes.length] ?? 1)) blocks.push(builder.take());
  }
  if (builder.rows > 0) blocks.push(builder.take());
  return blocks;
}

/** The blocks as a partition of a shuffle object of its own. */
export function framesOf(blocks: readonly Block[], source: number): Frames {
  const identity = identityOf('job', `map-${source}.1-1`);
  const frames = blocks.map((block, number) => encodeFrame(identity, 0, number, encodeBlock(block)));
  return { bytes: new Uint8Array(Buffer.concat(frames)), identity, partition: 0 };
}
