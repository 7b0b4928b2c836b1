/**
 * The peer: DuckDB, told all that there is to know about the file, so that it guesses nothing, and with as many threads as
 * Gristmill has executors. `node group-by-duckdb.mjs INPUT OUTPUT THREADS`.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const [, , input = '', output = '', threads = '2'] = process.argv;
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run(`PRAGMA threads=${Number(threads)}`);
await connection.run('SET preserve_insertion_order = false');
await connection.run(
  `copy (
     select name as key, {'min': min(value), 'mean': avg(value), 'max': max(value), 'count': count(*)} as value
     from read_csv(${quoted(input)}, delim = ';', header = false, quote = '', escape = '', auto_detect = false,
                   columns = {'name': 'VARCHAR', 'value': 'DOUBLE'})
     group by name
   ) to ${quoted(output)} (format json)`,
);
connection.closeSync();
instance.closeSync();
