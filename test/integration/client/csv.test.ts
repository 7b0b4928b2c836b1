/** CSV through the command: results equal to DuckDB's over the same files, and errors that a person can act on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rowsByDuckDb } from '../../oracle/oracle.js';
import { Workplace } from './command.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});

afterEach(() => {
  place.remove();
});

const rows = () =>
  place
    .files('out')
    .filter((name) => name.includes('part-'))
    .flatMap((name) => readFileSync(join(place.path, name), 'utf8').split('\n').slice(0, -1));

const carriers = ['AA', 'Größe Air', 'Smith, "Jo" & Co', "O'Hare", '北', '7', '"'];
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** Flights as they are published: names with commas and quotes, negative decimals, a column that nobody wants. */
function flights(count: number, salt: number, names: readonly string[], lineEnd: string): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = i * 7919 + salt;
    const carrier = carriers[n % carriers.length] ?? '';
    const cells: Readonly<Record<string, string>> = {
      date: `2001-01-${String((n % 31) + 1).padStart(2, '0')} 0${n % 10}:15`,
      carrier: /^[\w']+$/.test(carrier) && n % 2 === 0 ? carrier : quoted(carrier),
      delay: `${n % 3 === 0 ? '-' : ''}${n % 211}.${n % 10}`,
      cancelled: n % 13 === 0 ? 'true' : 'false',
      miles: n % 17 === 0 ? '9007199254740993' : quoted(String(n % 2500)),
      note: n % 5 === 0 ? '' : quoted(`gate ${n % 90}, "late"`),
    };
    return names.map((name) => cells[name] ?? '').join(',');
  });
  return [names.join(','), ...lines].join(lineEnd) + (salt % 2 === 0 ? lineEnd : '');
}

test('files of one table, their columns in any order and cut anywhere, give what DuckDB gives', async () => {
  const names = ['date', 'carrier', 'delay', 'cancelled', 'miles', 'note'];
  place.write('in/a.csv', flights(900, 0, names, '\n'));
  place.write('in/b.csv', `\ufeff${flights(700, 1, names.toReversed(), '\r\n')}`);
  place.write('in/c.csv', flights(0, 2, names, '\n'));
  const { code, stdout, stderr } = await place.run(['flights.ts']);
  expect(stderr).toBe('');
  expect(stdout).toContain('1,600 read, 1,600 mapped');
  expect(code).toBe(0);
  const expected = await rowsByDuckDb(
    `select carrier, count(*)::double, max(delay), sum(miles)::bigint
     from read_csv('${place.path}/in/*.csv', union_by_name = true, header = true, quote = '"', escape = '"', delim = ',',
                   types = {'carrier': 'VARCHAR', 'delay': 'DOUBLE', 'cancelled': 'BOOLEAN', 'miles': 'BIGINT'})
     where not cancelled group by carrier`,
  );
  const lines = expected.map(([carrier, n, worst, miles]) => {
    return `{"carrier":${JSON.stringify(carrier)},"n":${String(n)},"worst":${String(worst)},"miles":${String(miles)}}`;
  });
  expect(lines.length).toBe(carriers.length);
  expect(rows().sort()).toEqual(lines.sort());
});

test('records are spread and written as they are, and blank lines are counted as filtered', async () => {
  place.write('in/a.csv', 'id,name\n1,"a,b"\n\n2,c');
  const { code, stdout, stderr } = await place.run(['whole-rows.ts']);
  expect(stderr).toBe('');
  expect(stdout).toContain('3 read, 2 mapped, 1 filtered');
  expect(code).toBe(0);
  expect(rows()).toEqual(['{"id":"1","name":"a,b","more":2}', '{"id":"2","name":"c","more":2}']);
});

test('--limit takes the first records, of which the header is none', async () => {
  place.write('in/a.csv', 'id,name\n1,a\n2,b\n3,c\n');
  const { code, stdout } = await place.run(['whole-rows.ts', '--limit', '2']);
  expect(stdout).toContain('2 read, 2 mapped');
  expect(code).toBe(0);
  expect(rows().map((row) => (JSON.parse(row) as { id: string }).id)).toEqual(['1', '2']);
});

describe('what is wrong with a file fails the job with the place', () => {
  const good = 'carrier,delay,cancelled,miles\nAA,1,false,2\n';
  test.each<[string, string, RegExp]>([
    [
      'a column is missing',
      good.replace('delay', 'delays'),
      /header of file:\S*\/in\/b\.csv has no column "delay", did you mean "delays"\?/,
    ],
    ['there is no header', '', /header of file:\S*\/in\/b\.csv is missing/],
    [
      'a cell is no number',
      `${good}AA,soon,false,2\n`,
      /cell 2, column "delay", is "soon" and not a decimal number .*offset 43 of file:\S*\/in\/b\.csv/,
    ],
    [
      'a cell is too many',
      `${good}Smith, John,1,false,2\n`,
      /5 cells where 4 are expected .*offset 43 of file:\S*\/in\/b\.csv/,
    ],
    [
      'a quote is open',
      `${good}"AA\nBB",1,false,2\n`,
      /quote that opens cell 1, column "carrier", is not closed.*`multiline`.*offset 43 of file:\S*\/in\/b\.csv/,
    ],
  ])('%s', async (_, content, message) => {
    place.write('in/a.csv', good);
    place.write('in/b.csv', content);
    const { code, stderr } = await place.run(['flights.ts']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/dist\/|node_modules|\.js:\d+/);
    expect(code).toBe(1);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });

  test('a missing column is told by --dry-run already', async () => {
    place.write('in/a.csv', 'carrier\n');
    const { code, stderr } = await place.run(['flights.ts', '--dry-run']);
    expect(stderr).toContain('has no column "delay"');
    expect(stderr).toContain('hint: files without a header are read with `header: false`');
    expect(code).toBe(1);
  });

  test('an option that is not built exits with 2', async () => {
    const job = readFileSync(join(place.path, 'whole-rows.ts'), 'utf8');
    place.write('whole-rows.ts', job.replace('splitBytes: 7', 'multiline: true'));
    place.write('in/a.csv', 'a\n');
    const { code, stderr } = await place.run(['whole-rows.ts']);
    expect(stderr).toContain("the option 'multiline' of read.csv is not built yet");
    expect(code).toBe(2);
  });
});
