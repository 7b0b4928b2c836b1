import { describe, expect, test } from 'vitest';
import { limits } from '../../../../shared/limits.js';
import { Breaker } from '../../../../shared/store/s3/breaker.js';
import { ManualClock } from '../../../harness/manual-clock.js';

const LATE = 1_000_000;

function opened(): { clock: ManualClock; breaker: Breaker } {
  const clock = new ManualClock();
  const breaker = new Breaker(clock, () => 1);
  for (let n = 0; n < limits.s3BreakerFailures; n++) breaker.failed();
  return { clock, breaker };
}

describe('the circuit breaker', () => {
  test('stays closed while failures are not in a row', async () => {
    const breaker = new Breaker(new ManualClock(), () => 1);
    for (let n = 0; n < 10; n++) {
      for (let m = 1; m < limits.s3BreakerFailures; m++) breaker.failed();
      breaker.succeeded();
    }
    expect(breaker.isClosed).toBe(true);
    expect(await breaker.pass(LATE, undefined)).toBe('goes');
  });

  test('opens after failures in a row; then one call tries, and its answer lets all go on', async () => {
    const { clock, breaker } = opened();
    expect(breaker.isClosed).toBe(false);
    const calls = [1, 2, 3].map(() => breaker.pass(LATE, undefined));
    await clock.waited(limits.s3BreakerMs);
    clock.advance(limits.s3BreakerMs);
    const first = await Promise.race(calls);
    expect(first).toBe('tries');
    breaker.succeeded();
    expect((await Promise.all(calls)).sort()).toEqual(['goes', 'goes', 'tries']);
    expect(clock.waits).toEqual([]);
  });

  test('waits twice as long after each call that tried in vain, up to a bound', async () => {
    const { clock, breaker } = opened();
    let waitMs: number = limits.s3BreakerMs;
    for (let n = 0; n < 8; n++) {
      const call = breaker.pass(LATE, undefined);
      await clock.waited(waitMs, waitMs);
      clock.advance(waitMs - 1);
      await Promise.resolve();
      expect(clock.waits).toEqual([waitMs]);
      clock.advance(1);
      expect(await call).toBe('tries');
      breaker.failed();
      waitMs = Math.min(waitMs * 2, limits.s3BreakerMsMax);
    }
    expect(waitMs).toBe(limits.s3BreakerMsMax);
  });

  test('a call whose patience ends is told so, and one that is aborted rejects with the reason', async () => {
    const { clock, breaker } = opened();
    const late = breaker.pass(100, undefined);
    const stop = new AbortController();
    const aborted = breaker.pass(LATE, stop.signal);
    clock.advance(100);
    expect(await late).toBe('late');
    const reason = new Error('no more');
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(clock.waits).toEqual([]);
  });

  test('a call that tries and is given up lets another try', async () => {
    const { clock, breaker } = opened();
    clock.advance(limits.s3BreakerMs);
    expect(await breaker.pass(LATE, undefined)).toBe('tries');
    const waiting = breaker.pass(LATE, undefined);
    breaker.gaveUp();
    expect(await waiting).toBe('tries');
  });
});
