/** Results by programs that share nothing with Gristmill. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';

export type Counts = ReadonlyMap<string, number>;

/** The rows of a query, by DuckDB; 64-bit integers as bigints. */
export async function rowsByDuckDb(query: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(query)).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** DuckDB over the files that a glob of its own names; one row for each line, whatever is in it. */
export async function countsByDuckDb(glob: string): Promise<Counts> {
  const rows = await rowsByDuckDb(
    `select word, count(*)::double from (
       select unnest(regexp_extract_all(lower(line), '[a-z'']+')) as word
       from read_csv('${glob.replaceAll("'", "''")}', columns = {'line': 'VARCHAR'}, delim = '\u0001', quote = '',
                     escape = '', header = false, auto_detect = false))
     group by word`,
  );
  return new Map(rows.map(([word, count]) => [String(word), Number(count)]));
}

/** GNU tools over one ASCII file: as old as the question. */
export async function countsByGnuTools(path: string): Promise<Counts> {
  const script = `tr A-Z a-z < "$0" | tr -cs "a-z'" '\\n' | LC_ALL=C sort | uniq -c`;
  const { stdout } = await promisify(execFile)('sh', ['-c', script, path], { maxBuffer: 1024 ** 3 });
  const rows = stdout.split('\n').map((line) => /^ *(\d+) (.+)$/.exec(line));
  return new Map(rows.flatMap((row) => (row === null ? [] : [[row[2] ?? '', Number(row[1])]])));
}

/** At most ten words on which two counts differ, with both; empty means equal. */
export function differences(found: Counts, expected: Counts): string[] {
  const words = new Set([...found.keys(), ...expected.keys()]);
  const different = [...words].filter((word) => found.get(word) !== expected.get(word));
  return different.slice(0, 10).map((word) => `${word}: ${found.get(word) ?? 0}, not ${expected.get(word) ?? 0}`);
}
