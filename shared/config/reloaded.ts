/**
 * Files that may be replaced while a process runs: certificates, keys, who may do what. Whole versions are taken and nothing
 * else: one that is broken, or of which a half is written yet, is told, and the one before it stays in force.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../clock.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';

export interface ReloadedOptions<T> {
  readonly paths: readonly string[];
  /** From what stands in the files to what it means; throws when it means nothing. */
  readonly parse: (contents: readonly Buffer[]) => T;
  /** A version was broken: told once for each such version. */
  readonly onRefused: (error: GristmillError) => void;
}

export class Reloaded<T> {
  readonly #options: ReloadedOptions<T>;
  #contents: readonly Buffer[];
  #value: T;
  #refused: string | undefined;

  /** Throws when the first version is broken already. */
  constructor(options: ReloadedOptions<T>) {
    this.#options = options;
    this.#contents = options.paths.map(readBounded);
    this.#value = options.parse(this.#contents);
  }

  get value(): T {
    return this.#value;
  }

  /** Looks at the files again: true when the value is another one now. */
  refresh(): boolean {
    const { paths, parse, onRefused } = this.#options;
    try {
      const contents = paths.map(readBounded);
      const isSame = contents.every((content, i) => this.#contents[i]?.equals(content));
      if (!isSame) this.#value = parse(contents);
      this.#contents = contents;
      this.#refused = undefined;
      return !isSame;
    } catch (thrown) {
      const error = GristmillError.from(thrown);
      if (error.message !== this.#refused) onRefused(error);
      this.#refused = error.message;
      return false;
    }
  }
}

/** Looks again every so often, until the returned function is called. */
export function lookEvery(clock: Clock, everyMs: number, look: () => void): () => void {
  let cancel: () => void = () => undefined;
  const later = () => {
    cancel = clock.after(everyMs, () => {
      look();
      later();
    });
  };
  later();
  return () => cancel();
}

/** Throws `config-invalid`. */
function readBounded(path: string): Buffer {
  let bytes: number;
  try {
    bytes = statSync(path).size;
    if (bytes <= limits.credentialFileBytesMax) return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('config-invalid', `cannot read ${path}: ${reason}`, { cause });
  }
  const most = `at most ${limits.credentialFileBytesMax} bytes`;
  throw new GristmillError(
    'config-invalid',
    `${path} has ${bytes} bytes: a certificate, key or access file has ${most}`,
  );
}
