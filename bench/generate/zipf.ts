/**
 * Text whose word frequencies follow Zipf's law, as in natural language: the r-th word has weight 1/r.
 *
 * Deterministic in (bytes, seed): weights are made by division and addition alone, randomness by 32-bit integer
 * arithmetic (mulberry32), so every machine writes the same bytes. Words are ASCII of 2 to 12 letters; lines have 4 to
 * 19 words, begin with a capital and end in a full stop, as text does. Files are kept under `.cache/`.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { cachedFile } from './cached-file.js';
import { generator, type Random } from './random.js';
import { draw, zipfDistribution } from './zipf-distribution.js';

const vocabularyWords = 86_000;
const pieceBytes = 1024 * 1024;

/** Distinct words, the frequent ones tending to be short, as in language. */
function vocabulary(random: Random): string[] {
  const words = new Set<string>();
  while (words.size < vocabularyWords) {
    const lengthMax = words.size < 200 ? 5 : words.size < 5_000 ? 9 : 12;
    const length = 2 + (random() % (lengthMax - 1));
    let word = '';
    for (let at = 0; at < length; at++) word += String.fromCharCode(97 + (random() % 26));
    words.add(word);
  }
  return [...words];
}

function* lines(seed: number): Generator<string, never> {
  const random = generator(seed);
  const words = vocabulary(random);
  const distribution = zipfDistribution(words.length);
  for (;;) {
    const count = 4 + (random() % 16);
    let line = '';
    for (let at = 0; at < count; at++) {
      const word = words[draw(distribution, random)] ?? '';
      line += at === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : (random() % 11 === 0 ? ', ' : ' ') + word;
    }
    yield `${line}.\n`;
  }
}

function write(path: string, bytes: number, seed: number): void {
  const file = openSync(path, 'w');
  try {
    let piece = '';
    let left = bytes;
    for (const line of lines(seed)) {
      if (piece.length + line.length > left) break;
      piece += line;
      if (piece.length < pieceBytes) continue;
      writeSync(file, piece, null, 'latin1');
      left -= piece.length;
      piece = '';
    }
    // A last line of one word, again and again, fills up to the exact size.
    const rest = left - piece.length;
    const filler = 'zz '.repeat(Math.ceil(rest / 3)).slice(0, Math.max(0, rest - 1));
    writeSync(file, rest === 0 ? piece : `${piece}${filler}\n`, null, 'latin1');
  } finally {
    closeSync(file);
  }
}

/** The path of a file of exactly `bytes` bytes; made once, then taken from `.cache/`. */
export function zipfFile(bytes: number, seed = 1): string {
  return cachedFile(`zipf-${bytes}-${seed}.txt`, (path) => write(path, bytes, seed));
}
