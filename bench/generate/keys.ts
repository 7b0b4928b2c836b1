/**
 * Very many distinct keys, drawn in a known way, so that the right result is known without another program: whoever checks
 * a result draws again.
 *
 * A key is a number from 0 on, written as 7 to 14 letters: its bits, mixed beyond recognition, in base 26, and a tail that
 * makes lengths differ. So keys arrive in no order, share no prefixes, and can be read back. Integer arithmetic and
 * division alone: every machine writes the same bytes.
 */
import { ByteFile } from './byte-file.js';
import { cachedFile } from './cached-file.js';
import { valueLines } from './measurements.js';
import { generator } from './random.js';
import { draw, zipfDistribution } from './zipf-distribution.js';

export interface KeyDraws {
  /** How many keys there are to draw from, below 2^26. */
  readonly keys: number;
  readonly draws: number;
  /** `uniform`: each key once in every pass over all of them, each pass in another order. `zipf`: at random by Zipf's law. */
  readonly law: 'uniform' | 'zipf';
}

/** `words`: eight keys a line. `rows`: one `key;value` a line, the value with one decimal. */
export type Form = 'words' | 'rows';

const letters = 7;
const tailLettersMax = 7;
const wordsPerLine = 8;
const a = 97;

/** The finaliser of MurmurHash3, a bijection of 32-bit numbers, and its inverse. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
function unmix(mixed: number): number {
  let value = Math.imul(mixed ^ (mixed >>> 16), 0x7ed1b41d);
  value = Math.imul(value ^ (value >>> 13) ^ (value >>> 26), 0xa5cb9243);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Writes the key at `at` and returns where it ends. */
function putKey(bytes: Uint8Array, at: number, key: number): number {
  const mixed = mix(key);
  for (let letter = letters - 1, rest = mixed; letter >= 0; letter--) {
    bytes[at + letter] = a + (rest % 26);
    rest = Math.floor(rest / 26);
  }
  const end = at + letters + (mixed & tailLettersMax);
  bytes.fill(a + (mixed & 15), at + letters, end);
  return end;
}

export function keyText(key: number): string {
  const bytes = Buffer.alloc(letters + tailLettersMax);
  return bytes.toString('latin1', 0, putKey(bytes, 0, key));
}

/** The number of a key; of any other text, some number whose key is another text. */
export function keyOf(text: string): number {
  let mixed = 0;
  for (let letter = 0; letter < letters; letter++) mixed = mixed * 26 + text.charCodeAt(letter) - a;
  return unmix(mixed >>> 0);
}

/** A step that has no divisor in common with `keys`, so that steps of it visit every key. */
function stride(keys: number, pass: number): number {
  const common = (x: number, y: number): number => (y === 0 ? x : common(y, x % y));
  let step = Math.floor(keys * 0.618) + pass * 1009 + 1;
  while (common(step, keys) !== 1) step++;
  return step;
}

/** Calls `visit` for each draw, in order. */
export function eachDraw({ keys, draws, law }: KeyDraws, visit: (key: number, draw: number) => void): void {
  if (law === 'zipf') {
    const distribution = zipfDistribution(keys);
    const random = generator(keys);
    for (let index = 0; index < draws; index++) visit(draw(distribution, random), index);
    return;
  }
  for (let index = 0; index < draws;) {
    const step = stride(keys, Math.floor(index / keys)) % keys;
    for (let place = 0, key = 0; place < keys && index < draws; place++) {
      visit(key, index++);
      key += step;
      if (key >= keys) key -= keys;
    }
  }
}

/** The value of a draw in the form `rows`, in tenths. */
export function tenthsOf(drawn: number): number {
  return (mix(drawn) % 1999) - 999;
}

function write(path: string, spec: KeyDraws, form: Form): void {
  const values = valueLines();
  const file = new ByteFile(path);
  eachDraw(spec, (key, index) => {
    file.room(letters + tailLettersMax + 1);
    file.at = putKey(file.bytes, file.at, key);
    if (form === 'rows') file.append(values[tenthsOf(index) + 999]!);
    else file.bytes[file.at++] = index % wordsPerLine === wordsPerLine - 1 || index === spec.draws - 1 ? 10 : 32;
  });
  file.close();
}

/** The path of the file; made once, then taken from `.cache/`. */
export function keysFile(spec: KeyDraws, form: Form): string {
  const { keys, draws, law } = spec;
  return cachedFile(`keys-${law}-${keys}-${draws}-${form}.txt`, (path) => write(path, spec, form));
}
