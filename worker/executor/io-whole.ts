/**
 * Objects of the store that are there as soon as they are finished: shuffle objects. A small one is one request; one that
 * outgrows `wholePutBytesMax` is streamed as a staged write. Its key is the attempt's own, so nobody is replaced by it.
 */
import { limits } from '../../shared/limits.js';
import type { ObjectStore, StagedWrite } from '../../shared/store/object-store.js';
import type { OutgoingStream } from './io-outputs.js';

/** Lost on power failure means run again. */
const durable = false;

export class WholeObject implements OutgoingStream {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #attempt: string;
  /** What it has, until it is staged. */
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #staged: StagedWrite | undefined;

  constructor(store: ObjectStore, key: string, attempt: string) {
    this.#store = store;
    this.#key = key;
    this.#attempt = attempt;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (!this.#staged && this.#bytes <= limits.wholePutBytesMax) {
      this.#pieces.push(bytes.slice());
      return;
    }
    this.#staged ??= await this.#outgrown();
    await this.#staged.write(bytes);
  }

  async #outgrown(): Promise<StagedWrite> {
    const staged = await this.#store.stage(this.#key, this.#attempt, { durable });
    try {
      for (const piece of this.#pieces.splice(0)) await staged.write(piece);
      return staged;
    } catch (thrown) {
      await staged.abort().catch(() => undefined);
      throw thrown;
    }
  }

  /** It is visible; nothing names it but its key. */
  async finish(): Promise<undefined> {
    if (this.#staged) await this.#store.publish(await this.#staged.seal());
    else await this.#store.put(this.#key, Buffer.concat(this.#pieces.splice(0)), { durable });
  }

  async abort(): Promise<void> {
    this.#pieces = [];
    await this.#staged?.abort();
  }
}
