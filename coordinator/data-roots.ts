/**
 * The folders below which the jobs of a standing coordinator may read and write. Who may submit a job may have any code run;
 * the roots keep mistakes out: an output over something that is no job's business, an input that other hosts do not have.
 * Symbolic links are resolved first, so that none leads out. A link that is changed afterwards is not seen.
 */
import { realpathSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GristmillError } from '../shared/errors.js';
import { STORE_ROOT, type Inspection } from '../shared/plan.js';
import { errno } from '../shared/store/file-errors.js';
import { isS3Uri, parseS3Uri } from '../shared/store/s3-uri.js';
import { filePath } from '../shared/store/uri.js';

export interface DataRoots {
  /** Throws `outside-data-roots`, naming the first URI that may not be used and what to do. */
  check(inspection: Pick<Inspection, 'descriptor' | 'inputs' | 'output'>): Promise<void>;
}

/** Throws `config-invalid` for a root that is not there. The store itself is nobody's data. */
export function openDataRoots(roots: readonly string[], storeUri: string): DataRoots {
  const real = roots.map(realRoot);
  return {
    async check({ descriptor, inputs, output }) {
      const store = isS3Uri(storeUri) ? undefined : await realPathOf(filePath(storeUri), new Map());
      const isAllowed = async (uri: string) => {
        if (isS3Uri(uri)) return !isOfStore(uri, storeUri);
        const path = await realPathOf(filePath(uri), folders);
        return real.some((root) => isBelow(path, root)) && (store === undefined || !isBelow(path, store));
      };
      const folders = new Map<string, string>();
      // Items of the definition itself are an object in the store.
      const files = descriptor.source.format === 'items' ? [] : inputs.map(({ uri }) => uri);
      for (const uri of files) {
        if (!(await isAllowed(uri))) throw refusal('input', uri, roots);
      }
      if (!(await isAllowed(output))) throw refusal('output', output, roots);
    },
  };
}

/** Objects are as far away from every host; who may use which is said by their server. The store's own are nobody's data. */
function isOfStore(uri: string, storeUri: string): boolean {
  if (!isS3Uri(storeUri)) return false;
  const { bucket, key } = parseS3Uri(uri);
  const store = parseS3Uri(storeUri);
  return bucket === store.bucket && isBelow(`/${key}`, `${store.key === '' ? '' : `/${store.key}`}/${STORE_ROOT}`);
}

function realRoot(root: string): string {
  try {
    return realpathSync(root);
  } catch (cause) {
    throw new GristmillError('config-invalid', `the data root ${root} cannot be used: ${String(cause)}`, { cause });
  }
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
}

/** Where a path leads; of what does not exist yet, where its nearest folder leads. `folders`: those already known. */
async function realPathOf(path: string, folders: Map<string, string>): Promise<string> {
  const folder = dirname(path);
  if (folder === path) return path;
  try {
    if (!(await lstat(path)).isSymbolicLink()) return join(await realFolder(folder, folders), basename(path));
    return await realpath(path);
  } catch (thrown) {
    const code = errno(thrown);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw GristmillError.from(thrown, 'input-unreadable');
    return join(await realPathOf(folder, folders), basename(path));
  }
}

async function realFolder(folder: string, folders: Map<string, string>): Promise<string> {
  const known = folders.get(folder);
  if (known !== undefined) return known;
  const real = await realpath(folder);
  folders.set(folder, real);
  return real;
}

function refusal(what: 'input' | 'output', uri: string, roots: readonly string[]): GristmillError {
  if (isS3Uri(uri)) {
    const message = `the ${what} ${uri} lies in the coordinator's own store; use another prefix`;
    return new GristmillError('outside-data-roots', message, { where: uri });
  }
  const folder = filePath(uri).replace(/(?<=.)\/$/, '');
  const allowed = roots.length === 0 ? 'it has none' : `they are ${roots.join(', ')}`;
  return new GristmillError(
    'outside-data-roots',
    `the ${what} ${uri} is outside the coordinator's data roots (${allowed})\n` +
      `hint: start the coordinator with --data-root ${dirname(folder)}, or use a folder below one of its roots or an s3: URI`,
    { where: uri },
  );
}
