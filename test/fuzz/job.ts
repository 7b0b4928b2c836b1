/** Jobs by seed: any keys, values, aggregators, folds and ways to fail, with far too little memory or more than enough. */
import { meanSpec, partSpec, specOfFields, type BuiltInSpec } from '../../shared/aggregation.js';
import { CombineFold, OwnFold } from '../../shared/kernel/value-fold.js';
import type { Job, MapRecord, Resources } from '../harness/map-reduce.js';
import { randomFrom } from '../harness/random.js';

const MiB = 2 ** 20;

type Random = (below: number) => number;
type Make = (random: Random) => unknown;

const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[random(items.length)] as Item;

const text = (random: Random, units: string, length: number) =>
  Array.from({ length }, () => units[random(units.length)]).join('');

/** Families of keys: a job has a few, each over a domain of its own size. */
const keyFamilies: readonly ((random: Random, domain: number) => unknown)[] = [
  (random, domain) => `k${random(domain)}`,
  (random, domain) => text(randomFrom(random(domain)), 'ab\0', random(14)),
  (random, domain) =>
    `${'p'.repeat([7, 8, 11, 12, 15, 16, 31, 32, 300][random(domain) % 9] as number)}${random(domain)}`,
  (random, domain) => `a${'\0'.repeat(random(domain) % 40)}`,
  (random, domain) => `é${random(domain)}😀`,
  (random, domain) => random(domain) - (domain >> 1),
  (random, domain) => BigInt(random(domain)) ** 9n,
  (random, domain) => ['t', random(domain), null, random(2) === 0],
  (random, domain) => new Uint8Array(random(domain) % 70).fill(random(3)),
  (random, domain) => 'x'.repeat(65_000 + (random(domain) % 3)),
  () => '',
];

function keysBy(random: Random): Make {
  const families = Array.from({ length: 1 + random(3) }, () => {
    // The very long ones are rare in a job, so that it ends.
    const family = oneOf(random, keyFamilies);
    const domain = oneOf(random, [1, 10, 500, 40_000]);
    return { family, domain, share: family === keyFamilies[9] ? 200 : 1 };
  });
  return (values) => {
    const { family, domain, share } = oneOf(values, families);
    return values(share) === 0 ? family(values, domain) : `k${values(domain)}`;
  };
}

const number: Make = (random) =>
  oneOf(random, [random(1000), random(1000) / 8, -random(99) / 10, random(2 ** 31) * 2 ** 21, 0]);
const exotic: Make = (random) =>
  oneOf(random, [1e300, -1e300, 1e-300, 2 ** 60, Infinity, 5e-324, 2 ** 54, -(2 ** -44)]);
const seldomExotic: Make = (random) => (random(30) === 0 ? exotic(random) : number(random));
const ordered: Make = (random) =>
  oneOf(random, [number(random), `s${random(50)}`, BigInt(random(99)), -Infinity, 'é'.repeat(random(30))]);
const seldomOrdered: Make = (random) => (random(30) === 0 ? ordered(random) : number(random));
const plain: Make = (random) =>
  oneOf(random, [
    number(random),
    `text ${random(99)}`,
    new Uint8Array(random(30)),
    null,
    { a: [random(9)] },
    NaN,
    'v'.repeat(random(400)),
  ]);
const large: Make = (random) => (random(300) === 0 ? 'L'.repeat(random(300_000)) : `${random(99)}`);

const parts = specOfFields([
  ['mean', meanSpec],
  ['least', partSpec('min')],
  ['most', partSpec('max')],
  ['n', partSpec('count')],
]);
const ends = specOfFields([
  ['least', partSpec('min')],
  ['most', partSpec('max')],
]);

const joined = {
  zero: () => '',
  add: (state: unknown, value: unknown) => `${String(state)}${String(value)}`,
  merge: (earlier: unknown, later: unknown) => String(earlier) + String(later),
  finish: (state: unknown) => state,
};
const digit: Make = (random) => `${random(10)}`;

interface Kind {
  readonly name: string;
  readonly value: Make;
  readonly more: Partial<Job>;
}

const built = (name: string, spec: BuiltInSpec, value: Make): Kind => ({ name, value, more: { spec } });
const kinds: readonly Kind[] = [
  { name: 'values', value: plain, more: {} },
  { name: 'numbers', value: number, more: {} },
  { name: 'large values', value: large, more: {} },
  built('count', partSpec('count'), plain),
  built('sum', partSpec('sum'), number),
  built('sum, exotic', partSpec('sum'), seldomExotic),
  built('mean', meanSpec, seldomExotic),
  built('min', partSpec('min'), number),
  built('max, ordered', partSpec('max'), seldomOrdered),
  built('parts', parts, seldomExotic),
  built('ends, ordered', ends, ordered),
  { name: 'own', value: digit, more: { fold: () => new OwnFold(joined) } },
  {
    name: 'combine',
    value: digit,
    more: { fold: () => new CombineFold((a, b) => String(a) + String(b)), reduce: (values) => values.join('') },
  },
];

function recordsBy(random: Random, count: number, key: Make, value: Make): MapRecord[] {
  const records: MapRecord[] = [];
  const failing = oneOf(random, [0, 2, 7, 50]);
  for (let left = count; left > 0;) {
    const isLarge = random(300) === 0;
    const size = 1 + random(isLarge ? 9000 : 4);
    left -= size;
    const emits = Array.from({ length: size }, () => [key(random), value(random)] as const);
    // A record that emits more than memory holds cannot be forgotten, and says so.
    records.push({ emits, fails: !isLarge && failing > 0 && random(failing) === 0 });
  }
  return records;
}

export interface FuzzJob {
  readonly name: string;
  readonly job: Job;
  readonly resources: Resources;
}

export function fuzzJob(seed: number): FuzzJob {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  random(1);
  const { name, value, more } = oneOf(random, kinds);
  const key = keysBy(random);
  const count = oneOf(random, [10, 300, 5000, 30_000]);
  const tasks = Array.from({ length: 1 + random(4) }, () => recordsBy(random, random(count + 1), key, value));
  const combine = oneOf(random, ['on', 'on', 'on', 'off', 'everywhere'] as const);
  const partitions = oneOf(random, [1, 2, 3, 17, 64, 300]);
  const memoryBytes = Math.floor(oneOf(random, [3.25, 3.5, 4, 5, 8, 16, 64]) * MiB) + random(4096);
  const openMax = 2 + random(oneOf(random, [1, 3, 90]));
  return {
    name: `${name}, combine ${combine}, ${partitions} partitions, ${memoryBytes} bytes, ${openMax} open`,
    job: { tasks, partitions, combine, ...more },
    resources: { memoryBytes, openMax },
  };
}
