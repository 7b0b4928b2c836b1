/**
 * Measurements of weather stations, one `name;value` a line, as in the One Billion Row Challenge.
 *
 * Deterministic in (rows, names): integer arithmetic alone. Every name is as likely as any other. Values have one decimal
 * between -99.9 and 99.9 and lie around a mean of their station, with the sum of four uniform bytes for a bell curve. Names
 * have 3 to 26 characters, nine on average, and about one in six has letters beyond ASCII.
 */
import { ByteFile } from './byte-file.js';
import { cachedFile } from './cached-file.js';
import { generator, type Random } from './random.js';

export interface Measurements {
  readonly rows: number;
  /** Distinct names. */
  readonly names: number;
}

const before = ['Saint-', 'Port ', 'New ', 'Las ', 'El ', 'São ', 'Nowy '];
const first = [
  ...[
    'Ab',
    'Al',
    'An',
    'Ba',
    'Bel',
    'Bris',
    'Cal',
    'Car',
    'Da',
    'Den',
    'Er',
    'Fa',
    'Gan',
    'Ha',
    'Hel',
    'In',
    'Ja',
    'Kar',
  ],
  ...[
    'Kin',
    'La',
    'Lis',
    'Lu',
    'Ma',
    'Mel',
    'Mon',
    'Na',
    'Nou',
    'Os',
    'Pa',
    'Pre',
    'Quin',
    'Ra',
    'Ros',
    'Sa',
    'Ta',
    'Tri',
  ],
  ...['U', 'Va', 'Vil', 'Wel', 'Xi', 'Ya', 'Zan', 'Nu', 'Düs', 'Ö', 'Łó', 'Яро'],
];
const middle = [
  ...['bi', 'do', 'ga', 'ka', 'la', 'li', 'ma', 'mi', 'na', 'no', 'ra', 'ri', 'ro', 'sa', 'sel', 'ta', 'ti', 'va'],
  ...['za', 'lin', 'ren', 'ver', 'de', 'to', 'ñe'],
];
const last = [
  ...[
    'burg',
    'ton',
    'ville',
    'stad',
    'grad',
    'dorf',
    'field',
    'ford',
    'ia',
    'an',
    'a',
    'o',
    'es',
    'in',
    'on',
    'um',
    'polis',
  ],
  ...[
    'nagar',
    'pur',
    'abad',
    'shan',
    'zhou',
    'moto',
    'yama',
    'kawa',
    'berg',
    'haven',
    'wick',
    'er',
    'ów',
    'á',
    'fjörður',
  ],
];
const after = [' City', ' Bay', '-sur-Mer', ' Falls', ' (North)', ' Airport', ' 2', "'s Rest"];

function pick(parts: readonly string[], random: Random): string {
  return parts[random() % parts.length] ?? '';
}

/** So many distinct names, in the order in which they were drawn. */
export function stationNames(count: number): string[] {
  const random = generator(413);
  const names = new Set<string>();
  while (names.size < count) {
    const oneIn = (chances: number, parts: readonly string[]) => (random() % chances === 0 ? pick(parts, random) : '');
    const stem = pick(first, random) + oneIn(2, middle) + oneIn(6, middle) + pick(last, random);
    names.add(oneIn(12, before) + stem + oneIn(10, after));
  }
  return [...names];
}

/** The ends of lines, from the semicolon on: the value in tenths from -999 to 999, at its place from 0 on. */
export function valueLines(): Uint8Array[] {
  return Array.from({ length: 1999 }, (_, index) => {
    const tenths = Math.abs(index - 999);
    const sign = index < 999 ? '-' : '';
    return Buffer.from(`;${sign}${Math.floor(tenths / 10)}.${tenths % 10}\n`);
  });
}

function write(path: string, { rows, names }: Measurements): void {
  const stations = stationNames(names).map((name) => Buffer.from(name));
  const random = generator(rows + names);
  const meanTenths = Int16Array.from(stations, () => (random() % 600) - 250);
  const values = valueLines();
  const file = new ByteFile(path);
  for (let row = 0; row < rows; row++) {
    const station = random() % names;
    const bits = random();
    // Four bytes have the mean 510 and the deviation 148: about 10 degrees after the division by 1.48.
    const bell = ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) * 173;
    const tenths = meanTenths[station]! + (bell >> 8);
    file.append(stations[station]!);
    file.append(values[Math.max(-999, Math.min(999, tenths)) + 999]!);
  }
  file.close();
}

/** The path of the file; made once, then taken from `.cache/`. */
export function measurementsFile(measurements: Measurements): string {
  const { rows, names } = measurements;
  return cachedFile(`measurements-${rows}-${names}.csv`, (path) => write(path, measurements));
}
