/** A copy of the sources with one defect in it, for the simulation to find. */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the simulation consists of. */
const SOURCES = ['coordinator', 'shared', 'scripts', 'test/simulation', 'package.json'];

/** Copies what the simulation runs from `root` and applies the patch. Returns the copy's folder. */
export function makeMutant(root: string, patch: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'gristmill-mutant-'));
  for (const source of SOURCES) cpSync(join(root, source), join(copy, source), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { path, hunks } of parsePatch(patch)) {
    let text = readFileSync(join(copy, path), 'utf8');
    for (const { before, after } of hunks) {
      if (text.split(before).length !== 2) throw new Error(`the patch does not fit ${path} any more:\n${before}`);
      text = text.replace(before, () => after);
    }
    writeFileSync(join(copy, path), text);
  }
  return copy;
}

interface PatchedFile {
  readonly path: string;
  readonly hunks: { before: string; after: string }[];
}

/** Unified diffs of existing files, by content: where a hunk lies does not matter, only that it lies in one place. */
function parsePatch(patch: string): readonly PatchedFile[] {
  const files: PatchedFile[] = [];
  for (const line of patch.split('\n')) {
    const file = files.at(-1);
    const hunk = file?.hunks.at(-1);
    if (line.startsWith('+++ b/')) files.push({ path: line.slice('+++ b/'.length), hunks: [] });
    else if (line.startsWith('@@')) file?.hunks.push({ before: '', after: '' });
    else if (line.startsWith('diff ') || line.startsWith('--- ') || line.startsWith('index ') || !hunk) continue;
    else if (line.startsWith('-')) hunk.before += `${line.slice(1)}\n`;
    else if (line.startsWith('+')) hunk.after += `${line.slice(1)}\n`;
    else if (line.startsWith(' ')) {
      hunk.before += `${line.slice(1)}\n`;
      hunk.after += `${line.slice(1)}\n`;
    }
  }
  return files;
}
