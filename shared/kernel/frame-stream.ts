/**
 * The verified payloads of one input of a merge. A shuffle object that is not as it was written, is cut off or is gone is
 * read once again, from the first frame that was not right on, for the read itself may have failed; what was verified
 * before stays. A read of a copy does not count. When that fails too, the failure names the object and the attempt that wrote it. Scratch runs are gone
 * once they are read, so theirs is the end of the attempt.
 */
import { FRAME_HEADER_BYTES, FrameReader, type Allocate } from '../codec/frame.js';
import { GristmillError, type ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import type { ByteSource } from './block-source.js';
import type { MergeInput } from './merge-input.js';

const none = new Uint8Array(0);
const FETCH_CODES: readonly ErrorCode[] = ['shuffle-corrupt', 'shuffle-missing', 'object-not-found'];

export class FrameStream {
  readonly #input: MergeInput;
  readonly #allocate: Allocate;
  /** Of the object itself. */
  #reads: number;
  /** Bytes of the frames that were right. */
  #verified = 0;
  #source: ByteSource;
  #reader: FrameReader;
  #fragment = none;
  #at = 0;

  /** `allocate` gives memory for one payload; what it gave before is free when it is called again. */
  constructor(input: MergeInput, allocate: Allocate) {
    this.#input = input;
    this.#allocate = allocate;
    this.#reads = input.object?.isCopiedFirst === true ? 0 : 1;
    this.#source = this.#open();
    this.#reader = this.#readerFrom(0);
  }

  /** The next payload, which is the caller's until the next call; undefined at the end. */
  next(): Uint8Array | undefined {
    for (;;) {
      try {
        return this.#read();
      } catch (error) {
        this.#failed(error);
        this.#source.close();
        this.#reader = this.#readerFrom(this.#reader.blockNumber);
        this.#fragment = none;
        this.#at = 0;
        this.#source = this.#open();
      }
    }
  }

  close(): void {
    this.#source.close();
  }

  #read(): Uint8Array | undefined {
    for (;;) {
      const payload = this.#reader.next();
      if (payload) {
        this.#verified += FRAME_HEADER_BYTES + payload.length;
        return payload;
      }
      if (this.#at === this.#fragment.length) {
        const fragment = this.#source.next();
        if (!fragment) {
          this.#checkEnd();
          return undefined;
        }
        this.#fragment = fragment as Uint8Array<ArrayBuffer>;
        this.#at = 0;
      }
      this.#at = this.#reader.pushFrame(this.#fragment, this.#at);
    }
  }

  /** Bytes that end between two frames are found out by how many there are. */
  #checkEnd(): void {
    this.#reader.end();
    const { object, partition } = this.#input;
    if (!object || this.#verified === object.bytes) return;
    throw new GristmillError('shuffle-corrupt', 'a shuffle object is not as it was written: it ends too early', {
      context: { partition, block: this.#reader.blockNumber },
    });
  }

  #open(): ByteSource {
    for (;;) {
      try {
        return this.#input.open(this.#verified);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #readerFrom(block: number): FrameReader {
    return new FrameReader(this.#input.identity, this.#input.partition, block, this.#allocate);
  }

  /** Throws unless the bytes may be read once again. */
  #failed(error: unknown): void {
    const isAgain = FETCH_CODES.includes(GristmillError.from(error).code) && this.#reads < limits.shuffleReadsMax;
    if (!this.#input.object || !isAgain) throw blamed(error, this.#input);
    this.#reads++;
  }
}

/** What is wrong with the bytes of an object names it, and who wrote it. */
export function blamed(error: unknown, { object }: MergeInput): GristmillError {
  const known = GristmillError.from(error);
  const isBytes = FETCH_CODES.includes(known.code) || known.code === 'block-corrupt';
  if (!object || !isBytes || known.producers) return known;
  const { key, attempt } = object;
  const context = known.message.includes(key) ? {} : { key };
  return new GristmillError(known.code, known.message, { cause: error, context, producers: [attempt] });
}
