import { describe, expect, test } from 'vitest';
import type { OwnAggregator } from '../../../shared/aggregation.js';
import { encodeKey } from '../../../shared/codec/key.js';
import { CombineFold, OwnFold, type ValueFold } from '../../../shared/kernel/value-fold.js';
import { engines, type Engine } from '../../harness/engines.js';
import { mapTasks, mergeOf } from '../../harness/map-tasks.js';

const sum: OwnAggregator = {
  zero: () => 0,
  add: (state, value) => (state as number) + (value as number),
  merge: (a, b) => (a as number) + (b as number),
  finish: (state) => state,
};
const fails = () => {
  throw new TypeError('it is broken');
};
const later = () => Promise.resolve(1);

/** What a map task says that emits these values under one key. */
function refusalOf(engine: Engine, fold: ValueFold, values: readonly unknown[]): unknown {
  const output = engine.output({ fold, partitions: 1, job: 'job', attempt: 'map-0.1-1' });
  for (const value of values) output.emit(['k', 1], value);
  output.recordDone();
  try {
    output.finish(() => undefined);
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

function withFunctions(changed: Partial<OwnAggregator>): OwnFold {
  return new OwnFold({ ...sum, ...changed });
}

describe.each(engines)('with $name', (engine) => {
  const refusal = (fold: ValueFold, values: readonly unknown[]) => refusalOf(engine, fold, values);

  describe('what a function of an aggregator throws names the function and the key', () => {
    test.each(['zero', 'add'] as const)('%s, in a map task', (name) => {
      expect(refusal(withFunctions({ [name]: fails }), [1, 2])).toMatchObject({
        code: 'aggregator-failed',
        message: `${name} of the aggregator threw on the key ["k",1]: it is broken`,
        cause: expect.any(TypeError) as TypeError,
      });
    });

    test.each(['merge', 'finish'] as const)('%s, in a reduce task', (name) => {
      const cursor = mergeOf(engine, mapTasks(engine, [[['k', 1]], [['k', 2]]], 1, { fold: new OwnFold(sum) }), 0, 2);
      const fold = withFunctions({ [name]: fails });
      cursor.nextGroup();
      const reduce = () => {
        cursor.foldValues(fold);
        fold.result();
      };
      expect(reduce).toThrow(`${name} of the aggregator threw on the key "k": it is broken`);
    });

    test('combine', () => {
      const refused = refusal(new CombineFold(fails), [1, 2]);
      expect(refused).toMatchObject({
        code: 'combine-failed',
        message: 'combine threw on the key ["k",1]: it is broken',
      });
    });
  });

  describe('a promise is refused', () => {
    test.each(['zero', 'add'] as const)('from %s', (name) => {
      expect(refusal(withFunctions({ [name]: later }), [1])).toMatchObject({
        code: 'aggregator-failed',
        message: `${name} of the aggregator must be synchronous; it returned a promise on the key ["k",1]`,
      });
    });

    test.each(['merge', 'finish'] as const)('from %s', (name) => {
      const fold = withFunctions({ [name]: later });
      fold.begin(encodeKey('k'));
      fold.mergeState(1);
      const reduce = () => {
        fold.mergeState(2);
        fold.result();
      };
      expect(reduce).toThrow(`${name} of the aggregator must be synchronous; it returned a promise on the key "k"`);
    });

    test('from combine', () => {
      expect(refusal(new CombineFold(later), [1, 2])).toMatchObject({
        code: 'combine-failed',
        message: 'combine must be synchronous; it returned a promise on the key ["k",1]',
      });
    });
  });

  describe('what cannot be stored is refused with the function that made it and the path', () => {
    test.each([
      [
        'a Set',
        () => ({ seen: new Set([1]) }),
        /what add of the aggregator returned on the key .* value\.seen is of class Set/,
      ],
      ['a lone surrogate', () => 'a\ud800', /what add of the aggregator returned on the key .* surrogate/],
      ['a text that is too large', () => 'x'.repeat(2 ** 24 + 1), /larger than 16777216 bytes/],
      ['bytes that are too many', () => new Uint8Array(2 ** 24 + 1), /larger than 16777216 bytes/],
      ['a function', () => fails, /what add of the aggregator returned/],
    ])('%s', (_name, add, message) => {
      const refused = refusal(withFunctions({ add }), [1]) as Error;
      expect(refused).toMatchObject({ code: 'value-invalid' });
      expect(refused.message).toMatch(message);
    });

    test('of combine', () => {
      const refused = refusal(new CombineFold(() => new Map()), [1, 2]) as Error;
      expect(refused.message).toMatch(/what combine returned on the key \["k",1\] cannot be stored: .* of class Map/);
    });
  });

  describe('a fold', () => {
    test('asks for a zero for each key, and none where only states are merged', () => {
      let zeros = 0;
      const zero = () => {
        zeros++;
        return 0;
      };
      const objects = mapTasks(engine, [[['a', 1], ['a', 2], ['b', 3]], [['b', 4]]], 1, { fold: withFunctions({ zero }) }); // prettier-ignore
      expect(zeros).toBe(3);
      const fold = withFunctions({ zero });
      const cursor = mergeOf(engine, objects, 0, 2);
      const results: unknown[] = [];
      while (cursor.nextGroup()) {
        cursor.foldValues(fold);
        results.push(fold.result());
      }
      expect(results).toEqual([3, 7]);
      expect(zeros).toBe(3);
    });

    test('calls the functions as methods of the aggregator', () => {
      class Longest {
        readonly least = 'abc';
        zero = () => '';
        add(state: string, value: string): string {
          return value.length > Math.max(state.length, this.least.length) ? value : state;
        }
        merge(earlier: string, next: string): string {
          return this.add(earlier, next);
        }
        finish(state: string): string {
          return `${state} of ${this.least.length}`;
        }
      }
      const fold = new OwnFold(new Longest());
      const cursor = mergeOf(engine, mapTasks(engine, [[['k', 'ab'], ['k', 'abcd']], [['k', 'abcde']]], 1, { fold }), 0, 2); // prettier-ignore
      cursor.nextGroup();
      cursor.foldValues(fold);
      expect(fold.result()).toBe('abcde of 3');
    });

    test('never combines a value that is alone', () => {
      const objects = mapTasks(engine, [[['a', { at: 1 }], ['b', 2]]], 1, { fold: new CombineFold(fails) }); // prettier-ignore
      const cursor = mergeOf(engine, objects, 0, 2);
      cursor.nextGroup();
      cursor.nextValue();
      expect(cursor.value()).toEqual({ at: 1 });
    });

    test('keeps -0 as 0, and states of any kind apart', () => {
      const states = [-0, 'é'.repeat(100), new Uint8Array([1]), null, undefined, { a: [1n] }];
      let next = 0;
      const fold = withFunctions({ add: () => states[next++] });
      const cursor = mergeOf(engine, mapTasks(engine, [states.map((_, i) => [i, 1])], 1, { fold }), 0, 2);
      const found: unknown[] = [];
      while (cursor.nextGroup()) {
        cursor.nextValue();
        found.push(cursor.value());
      }
      expect(found).toStrictEqual([0, ...states.slice(1)]);
    });

    test('writes many blocks in their order', () => {
      const emits = Array.from({ length: 60_000 }, (_, i) => [i % 20_000, 'x'.repeat(30)] as const);
      const fold = new CombineFold((a, b) => String(a) + String(b));
      const objects = mapTasks(engine, [emits], 3, { fold });
      let rows = 0;
      for (const partition of [0, 1, 2]) {
        const cursor = mergeOf(engine, objects, partition, 2);
        for (let before = -1; cursor.nextGroup(); before = cursor.key() as number, rows++) {
          expect(cursor.key()).toBeGreaterThan(before);
          cursor.nextValue();
          expect([cursor.weight, (cursor.value() as string).length]).toEqual([3, 90]);
        }
      }
      expect(rows).toBe(20_000);
      expect(objects[0]!.bytes.length).toBeGreaterThan(4 * 2 ** 18);
    });
  });
});
