/**
 * The obvious peer: what a good programmer writes in an afternoon without Gristmill. One thread, one `Map`, the file
 * read in pieces; no `readline`, which would cost it a third of its speed. The words come from each line by the same
 * expression as in the job. `node word-count-map.mjs INPUT OUTPUT`.
 */
import { writeFileSync } from 'node:fs';
import { eachLine } from './lines.js';

const [, , input = '', output = ''] = process.argv;
const counts = new Map<string, number>();

function add(word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

eachLine(input, (line) => {
  for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) add(word);
});

const rows: string[] = [];
for (const [key, value] of counts) rows.push(JSON.stringify({ key, value }));
writeFileSync(output, rows.join('\n') + '\n');
