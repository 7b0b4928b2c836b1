/** What a store under test is, and how a suite comes to one. */
import { afterEach, beforeEach } from 'vitest';
import { hasCode, type ErrorCode } from '../../../shared/errors.js';
import type { ObjectStore, Seal } from '../../../shared/store/object-store.js';

export interface Subject {
  readonly store: ObjectStore;
  /** Another writer on the same objects, as another process would have. */
  readonly other: ObjectStore;
  /** A handle whose `n`th inner call fails; `calls` counts those made. */
  failing(n: number): { readonly store: ObjectStore; readonly calls: () => number };
  /** Everything there is, hidden or not, as a person sees it. */
  leftovers(): Promise<string[]>;
  dispose(): Promise<void>;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const read = async (store: ObjectStore, key: string): Promise<string> =>
  new TextDecoder().decode(await store.get(key));

export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await promise;
    return 'none';
  } catch (thrown) {
    const code = (thrown as { code: ErrorCode }).code;
    if (!hasCode(thrown, code)) throw thrown;
    return code;
  }
}

export async function staged(store: ObjectStore, key: string, attempt: string, content: string): Promise<Seal> {
  const stage = await store.stage(key, attempt);
  const bytes = text(content);
  const half = bytes.length >> 1;
  await stage.write(bytes.subarray(0, half));
  await stage.write(bytes.subarray(half));
  return stage.seal();
}

/** A fresh subject for each test, disposed of after it. */
export function eachSubject(make: () => Promise<Subject>, use: (subject: Subject) => void): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
    use(subject);
  });
  afterEach(async () => {
    await subject.store.close();
    await subject.dispose();
  });
}
