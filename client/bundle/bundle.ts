/**
 * A job file and its npm imports as one ESM file. Its sha256 is the code version, so nothing in it depends on where the
 * job or the engine lies: paths are relative to the job file, `gristmill` is a reference to the engine's own copy, and no
 * tsconfig.json is read. The inline source map has positions and names of sources, not their text: stacks need no more.
 */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { describeFailure } from './build-messages.js';
import { engineImports } from './engine-imports.js';
import { portableBundle } from './portable.js';

export interface Bundle {
  /** UTF-8 of one ECMAScript module with an inline source map. */
  readonly code: Uint8Array;
  /** Of `code`, 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
  /** The job file's name without its directory. */
  readonly entry: string;
}

/**
 * What CommonJS imports expect to find and a module does not have. On the global object rather than in the module's
 * scope, where a file's own `const require = createRequire(...)` would collide with it.
 */
const COMMON_JS = [
  "globalThis.require ??= process.getBuiltinModule('node:module').createRequire(import.meta.url);",
  'globalThis.__filename ??= import.meta.filename; globalThis.__dirname ??= import.meta.dirname;',
].join(' ');

/**
 * Bundles one job file. Throws `definition-load-failed` when there is no such file and `bundle-failed` with file, line and
 * column for whatever is wrong inside.
 */
export async function bundleJob(jobFile: string): Promise<Bundle> {
  const path = realFile(jobFile);
  const code = await build(path);
  if (code.length > limits.bundleBytesMax) {
    const sizes = `the bundle of ${basename(path)} has ${code.length} bytes, at most ${limits.bundleBytesMax} are allowed`;
    throw new GristmillError('bundle-failed', `${sizes}: keep data in input files instead of imports`);
  }
  const sha256 = createHash('sha256').update(code).digest('hex');
  return { code, sha256, bytes: code.length, entry: basename(path) };
}

/** The file itself, for the compiler follows links too and says paths relative to the job file's directory. */
function realFile(jobFile: string): string {
  const found = statSync(jobFile, { throwIfNoEntry: false });
  if (found?.isFile()) return realpathSync(jobFile);
  const what = found === undefined ? `no such job file: ${jobFile}` : `${jobFile} is not a file`;
  throw new GristmillError('definition-load-failed', `${what} (a job file is TypeScript or JavaScript)`);
}

function buildOptions(path: string): BuildOptions {
  return {
    absWorkingDir: dirname(path),
    entryPoints: [path],
    outfile: `${dirname(path)}/job.mjs`,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    charset: 'utf8',
    sourcemap: 'external',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
    logLimit: 20,
    banner: { js: COMMON_JS },
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: true } },
    plugins: [engineImports],
  };
}

let buildsInFlight = 0;

/** The compiler's own process ends with the last build, not with the command. */
async function build(path: string): Promise<Uint8Array> {
  const esbuild = await import('esbuild');
  buildsInFlight++;
  try {
    const { outputFiles, metafile } = await esbuild.build({ ...buildOptions(path), write: false, metafile: true });
    const text = (suffix: string) => outputFiles.find((file) => file.path.endsWith(suffix))?.text ?? '';
    return Buffer.from(portableBundle(text('.mjs'), text('.mjs.map'), Object.keys(metafile.inputs)));
  } catch (thrown) {
    throw describeFailure(thrown);
  } finally {
    buildsInFlight--;
    if (buildsInFlight === 0) await esbuild.stop();
  }
}
