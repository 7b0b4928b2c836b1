/** A staged write of a directory store: a file of its own name in `_staging` beside the key, linked there by `publish`. */
import type { FileHandle } from 'node:fs/promises';
import { GristmillError } from '../errors.js';
import { createXxh64 } from '../codec/checksum.js';
import { writeError } from './file-errors.js';
import { attempt, writeAll } from './files.js';
import type { Seal, StagedWrite } from './object-store.js';
import { throwIfAborted } from './signal.js';

export interface StagedFile {
  readonly handle: FileHandle;
  readonly path: string;
  /** The file as a key of the store. */
  readonly staged: string;
  readonly key: string;
  readonly attempt: string;
  readonly durable: boolean;
  readonly signal: AbortSignal | undefined;
  /** Removes the file, and the folder when it is the last one. */
  remove(): Promise<void>;
}

type Phase = 'open' | 'broken' | 'sealed' | 'aborted';

export class DirectoryStagedWrite implements StagedWrite {
  readonly #file: StagedFile;
  readonly #checksum = createXxh64();
  #bytes = 0;
  #phase: Phase = 'open';
  #sealing: Promise<Seal> | undefined;

  constructor(file: StagedFile) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#phase === 'aborted') return;
    this.#refuse();
    throwIfAborted(this.#file.signal);
    try {
      await writeAll(this.#file.handle, bytes);
    } catch (thrown) {
      // The file now holds a part of the bytes: nothing that follows could make it right.
      if (this.#isAborted()) return;
      this.#phase = 'broken';
      throw writeError(thrown, this.#file.path);
    }
    this.#checksum.update(bytes);
    this.#bytes += bytes.length;
  }

  async seal(): Promise<Seal> {
    if (this.#phase === 'aborted') this.#refuse();
    this.#sealing ??= this.#seal();
    return this.#sealing;
  }

  async #seal(): Promise<Seal> {
    this.#refuse();
    throwIfAborted(this.#file.signal);
    this.#phase = 'sealed';
    const { handle, path, staged, key, attempt: by, durable } = this.#file;
    try {
      if (durable) await handle.sync();
      await handle.close();
    } catch (thrown) {
      this.#phase = 'broken';
      throw writeError(thrown, path);
    }
    return { staged, key, bytes: this.#bytes, xxh64: this.#checksum.digest(), attempt: by };
  }

  async abort(): Promise<void> {
    if (this.#phase === 'aborted') return;
    this.#phase = 'aborted';
    await attempt(this.#file.handle.close());
    await this.#file.remove();
  }

  #isAborted(): boolean {
    return this.#phase === 'aborted';
  }

  #refuse(): void {
    if (this.#phase === 'open') return;
    const reason = { broken: 'a write before it failed', sealed: 'it is sealed', aborted: 'it was aborted' }[
      this.#phase
    ];
    const context = { key: this.#file.key, attempt: this.#file.attempt };
    const code = this.#phase === 'aborted' ? 'aborted' : 'internal';
    throw new GristmillError(code, `the staged output takes no more bytes: ${reason}`, { context });
  }
}
