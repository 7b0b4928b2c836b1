/**
 * What staged writes of all stores have in common: bytes are taken until it is sealed or aborted, or until a write fails, after
 * which nothing that follows could make it right.
 */
import { createXxh64 } from '../codec/checksum.js';
import { GristmillError } from '../errors.js';
import type { Seal, StagedWrite } from './object-store.js';
import { throwIfAborted } from './signal.js';

/** Where a store keeps the bytes of one staged write. Calls of `append` and `finish` do not overlap. */
export interface StagedBytes {
  readonly key: string;
  readonly attempt: string;
  readonly signal: AbortSignal | undefined;
  /** Resolves when the bytes may be reused. What it throws after `drop` is of no interest. */
  append(bytes: Uint8Array): Promise<void>;
  /** All bytes are durable, if they are to be; returns the name of where they are. */
  finish(): Promise<string>;
  /** Removes them; called once, at any time, also while a call is under way or after `finish`. */
  drop(): Promise<void>;
}

type Phase = 'open' | 'broken' | 'sealed' | 'aborted';

export class Staging implements StagedWrite {
  readonly #at: StagedBytes;
  readonly #checksum = createXxh64();
  #bytes = 0;
  #phase: Phase = 'open';
  #sealing: Promise<Seal> | undefined;

  constructor(at: StagedBytes) {
    this.#at = at;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#phase === 'aborted') return;
    this.#refuse();
    throwIfAborted(this.#at.signal);
    this.#checksum.update(bytes);
    this.#bytes += bytes.length;
    try {
      await this.#at.append(bytes);
    } catch (thrown) {
      if (!this.#isAborted()) throw this.#broken(thrown);
    }
  }

  async seal(): Promise<Seal> {
    if (this.#phase === 'aborted') this.#refuse();
    this.#sealing ??= this.#seal();
    return this.#sealing;
  }

  async #seal(): Promise<Seal> {
    this.#refuse();
    throwIfAborted(this.#at.signal);
    this.#phase = 'sealed';
    const { key, attempt } = this.#at;
    try {
      const staged = await this.#at.finish();
      return { staged, key, bytes: this.#bytes, xxh64: this.#checksum.digest(), attempt };
    } catch (thrown) {
      throw this.#isAborted() ? thrown : this.#broken(thrown);
    }
  }

  async abort(): Promise<void> {
    if (this.#phase === 'aborted') return;
    this.#phase = 'aborted';
    await this.#at.drop();
  }

  #isAborted(): boolean {
    return this.#phase === 'aborted';
  }

  /** A caller that has given up is told that, and not what came of it. */
  #broken(thrown: unknown): unknown {
    throwIfAborted(this.#at.signal);
    this.#phase = 'broken';
    return thrown;
  }

  #refuse(): void {
    if (this.#phase === 'open') return;
    const reasons = { broken: 'a write before it failed', sealed: 'it is sealed', aborted: 'it was aborted' };
    const { key, attempt } = this.#at;
    const code = this.#phase === 'aborted' ? 'aborted' : 'internal';
    const message = `the staged output takes no more bytes: ${reasons[this.#phase]}`;
    throw new GristmillError(code, message, { context: { key, attempt } });
  }
}
