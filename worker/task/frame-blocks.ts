/** Blocks of one partition of one object, from the stream of its frames; what is wrong with them names the object. */
import type { Block } from '../../shared/codec/block.js';
import { FrameReader } from '../../shared/codec/frame.js';
import { GristmillError } from '../../shared/errors.js';
import { FramedBlocks, type BlockSource } from '../../shared/kernel/block-source.js';
import type { ByteSource } from '../ports.js';

export class FetchedBlocks implements BlockSource {
  private readonly blocks: FramedBlocks;
  private readonly key: string;

  constructor(bytes: ByteSource, identity: bigint, partition: number, key: string) {
    this.blocks = new FramedBlocks(new FrameReader(identity, partition), () => bytes.next());
    this.key = key;
  }

  next(): Block | undefined {
    try {
      return this.blocks.next();
    } catch (error) {
      const known = GristmillError.from(error);
      if (known.code !== 'shuffle-corrupt' && known.code !== 'block-corrupt') throw known;
      throw new GristmillError(known.code, known.message, { cause: error, context: { key: this.key } });
    }
  }
}
