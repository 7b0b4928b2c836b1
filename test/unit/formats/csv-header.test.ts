import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readHeaders } from '../../../shared/formats/csv-header.js';
import { expandInputs } from '../../../shared/formats/inputs.js';
import { limitInputs } from '../../../shared/formats/limit.js';
import type { CsvFormat } from '../../../shared/plan.js';
import { Stores } from '../../../shared/store/stores.js';
import { baseUriOf } from '../../../shared/store/uri.js';
import { failureOf } from './outcome.js';

const stores = new Stores();
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gristmill-headers-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const all: CsvFormat = { header: true, delimiter: ',', quote: '"' };
const wanting = (...names: string[]): CsvFormat => ({
  ...all,
  columns: names.map((name) => ({ name, type: 'string' })),
});

async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content);
}
const found = async (format = all) => readHeaders(await expandInputs([root], baseUriOf(root), stores), format, stores);
const failure = (format = all) => failureOf(found(format));

describe('readHeaders', () => {
  test.each<[string, string, readonly string[], number]>([
    ['plain', 'a,b\n1,2\n', ['a', 'b'], 4],
    ['alone, without a newline', 'a,b', ['a', 'b'], 3],
    ['with a carriage return', 'a,b\r\n1,2\r\n', ['a', 'b'], 5],
    ['after a byte order mark', '\ufeffa,b\n', ['a', 'b'], 7],
    ['after blank lines', '\n\r\na,b\n', ['a', 'b'], 7],
    ['after a mark and a blank line', '\ufeff\r\n"a"\n', ['a'], 9],
    ['quoted', '"a,b","say ""c"""\n', ['a,b', 'say "c"'], 18],
    ['with spaces, which are part of a name', ' a , b\n', [' a ', ' b'], 7],
    ['not ASCII', 'Größe\n', ['Größe'], 8],
  ])('finds a header that is %s', async (_, content, names, end) => {
    await put({ 'a.csv': content });
    const { inputs, headers } = await found();
    expect(headers).toEqual([names]);
    expect(inputs).toMatchObject([{ header: { number: 0, end } }]);
  });

  test('keeps each header once, whatever the order of its columns', async () => {
    const contents = ['x,y\n', 'y,x\n', 'x,y\n', 'y,x\n1,2\n'];
    await put(Object.fromEntries(contents.map((content, i) => [`${i}.csv`, content])));
    const { inputs, headers } = await found(wanting('x'));
    expect(headers).toEqual([
      ['x', 'y'],
      ['y', 'x'],
    ]);
    expect(inputs.map(({ header }) => header?.number)).toEqual([0, 1, 0, 1]);
  });

  test('reads a long header to its end', async () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `column number ${i}`);
    await put({ 'a.csv': `${names.join(',')}\n` });
    expect((await found()).headers).toEqual([names]);
  });

  test.each<[string, string | Uint8Array, CsvFormat, string]>([
    ['lacks a column', 'a,bee\n', wanting('a', 'be'), 'has no column "be", did you mean "bee"? (it has "a", "bee")'],
    ['has a column twice that is wanted', 'a,b,a\n', wanting('a'), 'names the columns 1 and 3 both "a"'],
    ['has a column twice when all are', 'a,b,b\n', all, 'columns 2 and 3 both "b"; name the columns that you want'],
    ['does not name a column', ',b\n', all, 'does not name column 1; name the columns that you want'],
    ['cannot be a record', 'a,__proto__\n', all, 'names a column __proto__'],
    ['is of no file', '', all, 'is missing: the file has nothing but blank lines'],
    ['is blank lines', '\ufeff\n\r\n\n', all, 'is missing'],
    ['has an open quote', 'a,"b\nc"\n', all, 'the quote that opens cell 2 of the header of'],
    ['has text after a quote', '"a"b\n', all, 'has text after its closing quote'],
    ['is not UTF-8', Uint8Array.of(0x61, 0xf6, 0x0a), all, 'is not UTF-8: byte 1 of it is 0xf6'],
    ['never ends', 'x'.repeat(1_100_000), all, 'is longer than 1048576 bytes'],
  ])('refuses a header that %s, naming the file', async (_, content, format, reason) => {
    await put({ 'a.csv': 'a,be,b\n', 'b.csv': content });
    const error = await failure(format);
    expect(error.code).toBe('header-invalid');
    expect(error.message).toContain(`file://${root}/b.csv`);
    expect(error.message).toContain(reason);
  });

  test('refuses different headers that together do not belong into a plan', async () => {
    const columns = Array.from({ length: 10_000 }, (_, i) => `${'x'.repeat(90)}${i}`).join(',');
    for (let file = 0; file < 18; file++) await put({ [`${file}.csv`]: `${columns},${file}\n` });
    const error = await failure(wanting('1'));
    expect(error.message).toContain('has 10001 columns; at most 10000');
    for (let file = 0; file < 18; file++) await put({ [`${file}.csv`]: `${columns}${file}\n` });
    expect((await failure()).message).toContain(
      'is one of 18 different ones that together are longer than 16777216 bytes',
    );
  });

  test('does not mind what is wrong with columns that nobody wants', async () => {
    await put({ 'a.csv': ',x,b,x,__proto__\n' });
    expect((await found(wanting('b'))).inputs.length).toBe(1);
  });
});

test('a limit counts records and not the header', async () => {
  await put({ 'a.csv': '\na,b\n1,2\n3,4\n', 'b.csv': 'a,b\n', 'c.csv': 'a,b\n5,6\n7,8' });
  const { inputs } = await found();
  const ends = async (records: number) => (await limitInputs(inputs, records, stores)).map(({ end }) => end);
  expect(await ends(1)).toEqual([9]);
  expect(await ends(2)).toEqual([13]);
  expect(await ends(3)).toEqual([13, 4, 8]);
  expect(await ends(9)).toEqual([13, 4, 11]);
});
