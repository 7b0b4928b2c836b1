/** Which requests meet which fault: by rule, and by seed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fates, slowDown, type Fate, type Plan, type Rule } from '../../harness/fault-proxy/plan.js';
import { operations, type S3Request } from '../../harness/fault-proxy/s3-request.js';

const anyRequest: fc.Arbitrary<S3Request> = fc.record({
  operation: fc.constantFrom(...operations),
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
  bucket: fc.constant('bucket'),
  key: fc.constantFrom('a', 'v1/journal/1', 'v1/shuffle/job/map', 'out/part'),
});
const someRequests = fc.array(anyRequest, { maxLength: 200 });
const put: S3Request = { operation: 'PutObject', method: 'PUT', bucket: 'bucket', key: 'v1/journal/1' };

function fates(plan: Plan, requests: readonly S3Request[]): Fate[] {
  const all = new Fates(plan);
  return requests.map((request) => all.next(request));
}

function struck(rule: Rule, requests: readonly S3Request[], seed = 1): number[] {
  return fates({ seed, rules: [rule] }, requests).flatMap((fate, index) => (fate.faults.length > 0 ? [index] : []));
}

describe('a rule', () => {
  test('strikes exactly the requests that it describes', () => {
    const rule: Rule = {
      fault: slowDown,
      operations: ['PutObject', 'UploadPart'],
      keyPrefix: 'v1/',
      keyIncludes: '/job',
    };
    fc.assert(
      fc.property(someRequests, (requests) => {
        const meant = requests.flatMap(({ operation, key }, index) =>
          ['PutObject', 'UploadPart'].includes(operation) && key === 'v1/shuffle/job/map' ? [index] : [],
        );
        expect(struck(rule, requests)).toEqual(meant);
      }),
    );
  });

  test('for the nth request strikes that one alone, and one with an end stops there', () => {
    const puts = Array.from({ length: 20 }, () => put);
    expect(struck({ fault: slowDown, nth: 3 }, puts)).toEqual([2]);
    expect(struck({ fault: slowDown, times: 2 }, puts)).toEqual([0, 1]);
    expect(struck({ fault: slowDown, methods: ['GET'] }, puts)).toEqual([]);
  });

  test('with a rate strikes about so many, the same ones for the same seed and others for another', () => {
    const puts = Array.from({ length: 10_000 }, () => put);
    const rule: Rule = { fault: slowDown, rate: 0.02 };
    const first = struck(rule, puts, 7);
    expect(first.length).toBeGreaterThan(120);
    expect(first.length).toBeLessThan(280);
    expect(struck(rule, puts, 7)).toEqual(first);
    expect(struck(rule, puts, 8)).not.toEqual(first);
    expect(struck({ ...rule, rate: 0 }, puts)).toEqual([]);
  });
});

describe('several rules', () => {
  test('give a request the fault of the first that strikes, and all latencies', () => {
    const rules: Rule[] = [
      { fault: { kind: 'latency', ms: 5 } },
      { fault: { kind: 'drop-before' }, nth: 2 },
      { name: 'slow', fault: slowDown },
      { fault: { kind: 'lose-answer' } },
      { name: 'late part', fault: { kind: 'latency', ms: 7 } },
    ];
    expect(fates({ rules }, [put, put])).toEqual([
      { latencyMs: 12, fault: slowDown, latencies: ['latency', 'late part'], faults: ['slow'] },
      { latencyMs: 12, fault: { kind: 'drop-before' }, latencies: ['latency', 'late part'], faults: ['drop-before'] },
    ]);
  });
});
