/** Calls to the operating system of which one fails, before or after it took effect. */
import type { FileHandle } from 'node:fs/promises';
import { systemFiles, type FileCalls } from '../../../shared/store/files.js';

export interface FailingFiles {
  readonly files: FileCalls;
  readonly calls: () => number;
  /** What a process that ends leaves to the system. */
  readonly close: () => Promise<void>;
}

/** Calls of open files count too, but for closing: a file is always let go. */
const HANDLE_CALLS = new Set(['write', 'read', 'readv', 'sync', 'stat']);

export function failingFiles(n: number, when: 'before' | 'after', code = 'EIO'): FailingFiles {
  let calls = 0;
  const opened: FileHandle[] = [];
  const failed = () => Object.assign(new Error(`${code}: this call fails`), { code });
  async function call(action: () => Promise<unknown>): Promise<unknown> {
    calls += 1;
    const isFailing = calls === n;
    if (isFailing && when === 'before') throw failed();
    const result = await action();
    if (isFailing) throw failed();
    return result;
  }
  function wrap(target: object, counts: (name: string) => boolean): unknown {
    return new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const bound = member.bind(target) as (...values: unknown[]) => Promise<unknown>;
        if (!counts(String(name))) return bound;
        return (...values: unknown[]) =>
          call(async () => {
            const result = await bound(...values);
            if (name === 'open') opened.push(result as FileHandle);
            return name === 'open' ? wrap(result as object, (inner) => HANDLE_CALLS.has(inner)) : result;
          });
      },
    });
  }
  async function close(): Promise<void> {
    for (const handle of opened) if (handle.fd >= 0) await handle.close();
  }
  return { files: wrap(systemFiles, () => true) as FileCalls, calls: () => calls, close };
}
