import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import { describeStore } from './contract.js';
import { failingFiles, type FailingFiles } from './failing-files.js';

/** Every file below, hidden ones too, and every empty folder. */
export async function everythingIn(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory()) found.push(relative(root, path));
    else if ((await readdir(path)).length === 0) found.push(`${relative(root, path)}/`);
  }
  return found.sort();
}

for (const when of ['before', 'after'] as const) {
  describeStore(`DirectoryStore, whose calls fail ${when} they take effect`, async () => {
    const root = await mkdtemp(join(tmpdir(), 'gristmill-store-'));
    const opened: FailingFiles[] = [];
    return {
      store: new DirectoryStore(root),
      other: new DirectoryStore(root),
      failing: (n) => {
        const failing = failingFiles(n, when);
        opened.push(failing);
        return { store: new DirectoryStore(root, { files: failing.files }), calls: failing.calls };
      },
      leftovers: () => everythingIn(root),
      dispose: async () => {
        for (const { close } of opened) await close();
        await rm(root, { recursive: true, force: true });
      },
    };
  });
}
