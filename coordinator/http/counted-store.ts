/** A store whose calls are counted. What it gives and throws is what the store below it gives and throws. */
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import type { ObjectStore } from '../../shared/store/object-store.js';

export interface StoreCall {
  readonly operation: string;
  readonly seconds: number;
  /** Of the error that it threw. */
  readonly code?: string;
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
}

type Tell = (call: StoreCall) => void;

export function countedStore(store: ObjectStore, clock: Clock, tell: Tell): ObjectStore {
  async function counted<T>(operation: string, call: () => Promise<T>, bytesOf?: (result: T) => Partial<StoreCall>) {
    const beganMs = clock.monotonic();
    const seconds = () => (clock.monotonic() - beganMs) / 1000;
    try {
      const result = await call();
      tell({ operation, seconds: seconds(), ...bytesOf?.(result) });
      return result;
    } catch (thrown) {
      tell({ operation, seconds: seconds(), code: GristmillError.from(thrown).code });
      throw thrown;
    }
  }
  /** A call for as long as somebody reads from it. */
  async function* countedPieces<T>(operation: string, pieces: AsyncIterable<T>, bytesOf: (piece: T) => number) {
    const beganMs = clock.monotonic();
    let bytesRead = 0;
    let code: string | undefined;
    try {
      for await (const piece of pieces) {
        bytesRead += bytesOf(piece);
        yield piece;
      }
    } catch (thrown) {
      code = GristmillError.from(thrown).code;
      throw thrown;
    } finally {
      const seconds = (clock.monotonic() - beganMs) / 1000;
      tell({ operation, seconds, bytesRead, ...(code !== undefined && { code }) });
    }
  }
  const open = store.open?.bind(store);
  return {
    uri: store.uri,
    put: (key, bytes, options) =>
      counted(
        'put',
        () => store.put(key, bytes, options),
        () => ({ bytesWritten: bytes.length }),
      ),
    get: (key, options) =>
      counted(
        'get',
        () => store.get(key, options),
        (bytes) => ({ bytesRead: bytes.length }),
      ),
    stream: (key, options) => countedPieces('stream', store.stream(key, options), (piece) => piece.length),
    ...(open && { open: (key, options) => counted('open', () => open(key, options)) }),
    head: (key, options) => counted('head', () => store.head(key, options)),
    list: (prefix, options) => countedPieces('list', store.list(prefix, options), () => 0),
    delete: (keys, options) => counted('delete', () => store.delete(keys, options)),
    stage: (key, attempt, options) => counted('stage', () => store.stage(key, attempt, options)),
    publish: (seal, options) => counted('publish', () => store.publish(seal, options)),
    discard: (seal, options) => counted('discard', () => store.discard(seal, options)),
    discardStaged: (prefix, options) => counted('discard-staged', () => store.discardStaged(prefix, options)),
    close: () => store.close(),
  };
}
