/** Around every call of the library: its errors have classes, and the process stays for as long as something is awaited. */
import { stayAlive } from '../../shared/clock.js';
import { typed } from './errors.js';

export async function called<T>(call: () => Promise<T>): Promise<T> {
  // Between two attempts to reach a coordinator there is nothing else that would keep the process.
  const letGo = stayAlive();
  try {
    return await call();
  } catch (thrown) {
    throw typed(thrown);
  } finally {
    letGo();
  }
}

/** The same of what comes piece by piece; a reader that leaves ends it. */
export async function* followed<T>(pieces: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const letGo = stayAlive();
  try {
    yield* pieces();
  } catch (thrown) {
    throw typed(thrown);
  } finally {
    letGo();
  }
}
