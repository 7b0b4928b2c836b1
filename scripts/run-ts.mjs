/**
 * Runs a TypeScript program of this repository: `node scripts/run-ts.mjs bench/main.ts [ARGUMENT ...]`.
 *
 * The program's own modules stay separate files (so `import.meta.url` means what it says) and are transpiled by esbuild
 * as they load; types are checked by `npm run typecheck`, not here.
 */
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import process from 'node:process';

register('./run-ts-hooks.mjs', import.meta.url);
process.setSourceMapsEnabled(true);

const [, , program, ...rest] = process.argv;
if (program === undefined) {
  console.error('usage: node scripts/run-ts.mjs PROGRAM.ts [ARGUMENT ...]');
  process.exitCode = 2;
} else {
  const path = resolve(program);
  process.argv.splice(1, process.argv.length - 1, path, ...rest);
  await import(pathToFileURL(path).href);
}
