/** Several objects at a time. */

/**
 * Runs `act` on every item, at most so many at a time. After the first failure nothing more begins, those under way are told
 * by their signal and awaited, and then that failure is thrown.
 */
export async function severalAtATime<T>(
  items: readonly T[],
  most: number,
  signal: AbortSignal,
  act: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && !either.aborted) {
      const item = items[next++] as T;
      try {
        await act(item, either);
      } catch (thrown) {
        failures.push(thrown);
        failing.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}
