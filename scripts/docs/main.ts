/** `npm run docs`: writes the tables of docs/reference from the code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documents, withTable } from './tables.js';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

for (const document of documents(readFileSync(path('shared/limits.ts'), 'utf8'))) {
  const before = readFileSync(path(document.path), 'utf8');
  const after = withTable(before, document.table);
  if (after === undefined) throw new Error(`${document.path} has no markers for its table`);
  writeFileSync(path(document.path), after);
  console.log(`${document.path} ${after === before ? 'is up to date' : 'written'}`);
}
