/**
 * A frame: one block on its way, verified as raw bytes before anything decodes them.
 *
 * Version 1, little-endian, 24 bytes of header, then the payload:
 *
 *      0  u32  bytes of the payload
 *      4  u32  partition
 *      8  u32  number of the block within its partition, from 0
 *     12  u8   codec: 0 none
 *     13  u8   version: 1
 *     14  u16  magic: "GF"
 *     16  u64  xxh64 of bytes 0 to 16 and the payload, seeded with the identity of the object
 *
 * The identity is xxh64 of `<job>/<attempt>`, so that a frame of another object is as wrong as a flipped bit.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { createXxh64, xxh64 } from './checksum.js';

export const FRAME_HEADER_BYTES = 24;
const FIELDS_BYTES = 16;
const CODEC_NONE = 0;
const VERSION = 1;
const MAGIC = 0x4647;

/** Seeds the checksums of everything that one attempt wrote. */
export function identityOf(job: string, attempt: string): bigint {
  return xxh64(new TextEncoder().encode(`${job}/${attempt}`));
}

export function encodeFrame(identity: bigint, partition: number, blockNumber: number, payload: Uint8Array): Uint8Array {
  if (payload.length > limits.frameBytesMax) {
    throw new GristmillError('internal', `a block of ${payload.length} bytes exceeds ${limits.frameBytesMax}`);
  }
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, partition, true);
  view.setUint32(8, blockNumber, true);
  view.setUint8(12, CODEC_NONE);
  view.setUint8(13, VERSION);
  view.setUint16(14, MAGIC, true);
  frame.set(payload, FRAME_HEADER_BYTES);
  view.setBigUint64(FIELDS_BYTES, digestOf(identity, frame, payload), true);
  return frame;
}

function digestOf(identity: bigint, header: Uint8Array, payload: Uint8Array): bigint {
  const hasher = createXxh64(identity);
  hasher.update(header.subarray(0, FIELDS_BYTES));
  hasher.update(payload);
  return hasher.digest();
}

/** Memory for the payload of a frame. */
export type Allocate = (bytes: number) => Uint8Array;

function ownMemory(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/**
 * The verified payloads of one partition, from a stream of bytes in arbitrary fragments.
 *
 * Fragments are copied as they are pushed, and a payload belongs to whoever took it.
 */
export class FrameReader {
  readonly #identity: bigint;
  readonly #partition: number;
  readonly #allocate: Allocate;
  #blockNumber: number;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #headerFilled = 0;
  #payload: Uint8Array | undefined;
  #payloadFilled = 0;
  /** Verified payloads from `#taken` on. */
  #ready: Uint8Array[] = [];
  #taken = 0;
  #failure: GristmillError | undefined;

  constructor(identity: bigint, partition: number, firstBlock = 0, allocate: Allocate = ownMemory) {
    this.#identity = identity;
    this.#partition = partition;
    this.#blockNumber = firstBlock;
    this.#allocate = allocate;
  }

  /** The number of the block that comes next from the stream. */
  get blockNumber(): number {
    return this.#blockNumber;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at = this.pushFrame(bytes, at);
  }

  /** Takes bytes from `at` on up to the end of a frame at most; returns where it stopped. */
  pushFrame(bytes: Uint8Array, at: number): number {
    const before = this.#blockNumber;
    while (at < bytes.length && this.#blockNumber === before) {
      if (this.#payload === undefined) {
        const taken = copyPiece(bytes, at, this.#header, this.#headerFilled);
        this.#headerFilled += taken;
        at += taken;
        if (this.#headerFilled === FRAME_HEADER_BYTES) this.#payload = this.#begin();
      }
      if (this.#payload === undefined) continue;
      const taken = copyPiece(bytes, at, this.#payload, this.#payloadFilled);
      this.#payloadFilled += taken;
      at += taken;
      if (this.#payloadFilled === this.#payload.length) this.#complete(this.#payload);
    }
    return at;
  }

  /** A payload, or undefined until more is pushed. */
  next(): Uint8Array | undefined {
    if (this.#taken < this.#ready.length) return this.#ready[this.#taken++];
    this.#ready = [];
    this.#taken = 0;
    return undefined;
  }

  /** The stream has ended: throws if it did so within a frame. */
  end(): void {
    if (this.#failure) throw this.#failure;
    if (this.#headerFilled > 0) this.#fail(`the bytes end within a frame`);
  }

  /** The header's fields are believed only so far that the payload can be collected; the checksum then covers them. */
  #begin(): Uint8Array {
    if (this.#failure) throw this.#failure;
    const bytes = this.#view.getUint32(0, true);
    if (this.#view.getUint16(14, true) !== MAGIC) this.#fail('no frame begins where one should');
    if (this.#view.getUint8(13) !== VERSION) this.#fail(`frame version ${this.#view.getUint8(13)} is not known`);
    if (this.#view.getUint8(12) !== CODEC_NONE) this.#fail(`codec ${this.#view.getUint8(12)} is not known`);
    if (bytes > limits.frameBytesMax) this.#fail(`a frame claims ${bytes} bytes`);
    const partition = this.#view.getUint32(4, true);
    if (partition !== this.#partition) this.#fail(`found a frame of partition ${partition}`);
    const blockNumber = this.#view.getUint32(8, true);
    if (blockNumber !== this.#blockNumber)
      this.#fail(`found block ${blockNumber} where ${this.#blockNumber} should be`);
    return this.#allocate(bytes);
  }

  #complete(payload: Uint8Array): void {
    const digest = digestOf(this.#identity, this.#header, payload);
    if (digest !== this.#view.getBigUint64(FIELDS_BYTES, true)) {
      this.#fail('the checksum is not that of the bytes, or they are of another object');
    }
    this.#ready.push(payload);
    this.#blockNumber++;
    this.#headerFilled = 0;
    this.#payload = undefined;
    this.#payloadFilled = 0;
  }

  /** Once a frame is wrong, nothing after it is believed. */
  #fail(what: string): never {
    this.#failure ??= new GristmillError('shuffle-corrupt', `a shuffle object is not as it was written: ${what}`, {
      context: { partition: this.#partition, block: this.#blockNumber },
    });
    throw this.#failure;
  }
}

/** Copies what there is into what is still free; returns how much. */
function copyPiece(source: Uint8Array, from: number, target: Uint8Array, filled: number): number {
  const bytes = Math.min(source.length - from, target.length - filled);
  target.set(source.subarray(from, from + bytes), filled);
  return bytes;
}
