/**
 * The peer: what a good programmer writes in an afternoon without Gristmill. One thread, one `Map`, the file read in
 * pieces; no `readline`, which would cost it a third of its speed. `node word-count-map.mjs INPUT OUTPUT`.
 */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';

const [, , input = '', output = ''] = process.argv;
/** Measured: 64 KiB is a third faster than 4 MiB, whose strings do not stay in the cache. */
const pieceBytes = 64 * 1024;
const counts = new Map<string, number>();
const piece = Buffer.allocUnsafe(pieceBytes);
const file = openSync(input, 'r');

/** The bytes after the last newline of a piece wait at its front for the next one. */
let kept = 0;
for (;;) {
  const read = readSync(file, piece, kept, piece.length - kept, null);
  const filled = kept + read;
  const end = read === 0 ? filled : piece.lastIndexOf(10, filled - 1) + 1;
  for (const word of piece
    .toString('utf8', 0, end)
    .toLowerCase()
    .match(/[a-z']+/g) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (read === 0) break;
  piece.copyWithin(0, end, filled);
  kept = filled - end;
}
closeSync(file);

const rows: string[] = [];
for (const [key, value] of counts) rows.push(JSON.stringify({ key, value }));
writeFileSync(output, rows.join('\n') + '\n');
