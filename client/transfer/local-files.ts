/** The files that paths name, and the names that they get elsewhere. */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { Locator } from '../../shared/store/stores.js';
import { fileUri } from '../../shared/store/uri.js';

export interface LocalFile {
  readonly path: string;
  /** Below the target; segments are parted by `/`. */
  readonly name: string;
  readonly bytes: number;
}

export interface LocalFiles {
  readonly files: readonly LocalFile[];
  /** Files in folders that no input would ever match: a name on their way begins with `.` or `_`. */
  readonly leftOut: number;
}

/** A folder goes with its name; `folder/.` is what is in it. Throws `input-not-found` and `command-line`. */
export async function localFiles(
  paths: readonly string[],
  directory: string,
  locator: Locator,
  signal: AbortSignal,
): Promise<LocalFiles> {
  const files: LocalFile[] = [];
  let leftOut = 0;
  for (const path of paths) {
    const whole = resolve(directory, path);
    const info = await stat(whole).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GristmillError('input-not-found', `cannot upload ${path}: ${reason}`, { cause });
    });
    if (info.isFile()) {
      refuseUnmatched(path, basename(whole));
      files.push({ path: whole, name: basename(whole), bytes: info.size });
    } else if (info.isDirectory()) {
      const name = /(^|\/)\.{1,2}\/*$/.test(path) ? '' : basename(whole);
      if (name !== '') refuseUnmatched(path, name);
      leftOut += await addFolder(files, whole, name, locator, signal);
    } else throw new GristmillError('command-line', `cannot upload ${path}: it is neither a file nor a folder`);
  }
  refuseDoubles(files);
  if (files.length > 0) return { files, leftOut };
  throw new GristmillError('input-not-found', `there are no files to upload in ${paths.join(', ')}`);
}

/** Returns how many were left out. */
async function addFolder(
  files: LocalFile[],
  folder: string,
  name: string,
  locator: Locator,
  signal: AbortSignal,
): Promise<number> {
  let leftOut = 0;
  const { store, key } = locator.locate(fileUri(folder));
  const prefix = key === '' ? '' : `${key}/`;
  for await (const found of store.list(prefix, { signal })) {
    const below = found.key.slice(prefix.length);
    if (isUnmatched(below)) leftOut++;
    else files.push({ path: `/${found.key}`, name: name === '' ? below : `${name}/${below}`, bytes: found.bytes });
    if (files.length > limits.inputsMax) {
      throw new GristmillError('command-line', `${folder} has more than ${limits.inputsMax} files`);
    }
  }
  return leftOut;
}

function isUnmatched(name: string): boolean {
  return /(^|\/)[._]/.test(name);
}

function refuseUnmatched(path: string, name: string): void {
  if (!isUnmatched(name)) return;
  const hint = 'give it another name, or name the folder it is in with /. at its end';
  throw new GristmillError(
    'command-line',
    `cannot upload ${path}: names that begin with . or _ are matched by no input\nhint: ${hint}`,
  );
}

function refuseDoubles(files: readonly LocalFile[]): void {
  const seen = new Map<string, string>();
  for (const { path, name } of files) {
    const other = seen.get(name);
    if (other === path) continue;
    if (other !== undefined) {
      throw new GristmillError('command-line', `both ${other} and ${path} would be uploaded as ${name}`);
    }
    seen.set(name, path);
  }
}
