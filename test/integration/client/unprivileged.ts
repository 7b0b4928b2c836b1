/**
 * Whom a command runs as where rights matter: root may read and write everything, so for root's tests it is nobody. Who
 * is not root needs nobody else.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const NOBODY = 65534;

export const isRoot = process.getuid?.() === 0;

const asNobody = { uid: NOBODY, gid: NOBODY } as const;

/** False where root is not allowed to become somebody else, or only root can run this Node. */
export const hasUnprivileged =
  !isRoot || spawnSync(process.execPath, ['-e', ''], { ...asNobody, cwd: '/', stdio: 'ignore' }).status === 0;

/** For `spawn`: the user whose rights are limited. */
export const unprivileged = isRoot ? asNobody : {};

let copied: string | undefined;

/** Takes away what `reachable` may have made. */
export function removeCopy(): void {
  if (copied !== undefined) rmSync(copied, { recursive: true, force: true });
  copied = undefined;
}

/** `root` itself, or a copy of what the built program needs when nobody can reach it: a checkout may lie in a home. */
export function reachable(root: string, program: string): string {
  if (!isRoot) return root;
  if (copied !== undefined) return copied;
  const read = `require('node:fs').accessSync(${JSON.stringify(join(root, program))})`;
  const options = { ...asNobody, cwd: '/', stdio: 'ignore' } as const;
  if (spawnSync(process.execPath, ['-e', read], options).status === 0) return root;
  const copy = mkdtempSync(join(tmpdir(), 'gristmill-program-'));
  copied = copy;
  for (const name of ['dist', 'proto', 'package.json', ...packages(root)]) {
    cpSync(join(root, name), join(copy, name), { recursive: true, dereference: true });
  }
  open(copy);
  return copy;
}

/** The packages that the program needs as it runs; those inside of others come with them. */
function packages(root: string): string[] {
  const lock = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => !dev && !devOptional && path.lastIndexOf('node_modules/') === 0)
    .map(([path]) => path);
}

/** Readable for all, whatever the mask of who checked it out. */
function open(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) open(path);
    else chmodSync(path, 0o755);
  }
}
