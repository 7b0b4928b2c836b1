/** A staged write of a directory store: a file of its own name in `_staging` beside the key, linked there by `publish`. */
import type { FileHandle } from 'node:fs/promises';
import { writeError } from './file-errors.js';
import { attempt, writeAll } from './files.js';
import type { StagedBytes } from './staging.js';

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

export function bytesInFile(file: StagedFile): StagedBytes {
  const { handle, path, staged, key, attempt: by, durable, signal } = file;
  const telling = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (thrown) {
      throw writeError(thrown, path);
    }
  };
  return {
    key,
    attempt: by,
    signal,
    append: (bytes) => telling(() => writeAll(handle, bytes)),
    finish: () =>
      telling(async () => {
        if (durable) await handle.sync();
        await handle.close();
        return staged;
      }),
    drop: async () => {
      await attempt(handle.close());
      await file.remove();
    },
  };
}
