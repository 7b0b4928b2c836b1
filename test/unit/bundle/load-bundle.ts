/**
 * Loads the bundle given as first argument as an executor does, calls its map with the second argument as a record, and
 * prints what came of it as JSON. A process of its own, because a test runner rewrites the modules that it loads.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { GristmillError } from '../../../shared/errors.js';
import { loadDefinition } from '../../../shared/job/load.js';
import { userStackMapper } from '../../../shared/job/user-stack.js';

const [, , path = '', record] = process.argv;

async function outcome(): Promise<object> {
  try {
    const { map } = await loadDefinition(path);
    const rows: unknown[] = [];
    try {
      await map(record, (row) => rows.push(row), {});
      return { rows };
    } catch (thrown) {
      return { mapThrew: userStackMapper(pathToFileURL(path).href, () => readFileSync(path, 'utf8'))(thrown) };
    }
  } catch (thrown) {
    if (!(thrown instanceof GristmillError)) throw thrown;
    const { code, message, where, userStack } = thrown;
    return { refused: { code, message, where, userStack } };
  }
}

console.log(JSON.stringify(await outcome()));
