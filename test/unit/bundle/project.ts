/** Job projects in temporary folders: files by relative path, removed after the test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export type Files = Readonly<Record<string, string>>;

export function project(files: Files): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'gristmill-bundle-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The source of a map-only job whose map has the given body. */
export function jobWithMap(body: string, before = ''): string {
  return `import { defineMap, read, write, type EmitRow } from 'gristmill';
${before}
export default defineMap({
  name: 'x',
  input: read.text('x'),
  map(line, emit: EmitRow<string>) {
    ${body}
  },
  output: write.text('out'),
});
`;
}
