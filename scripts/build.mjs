/**
 * Builds `dist/`: every TypeScript file transpiled one to one, the command and the executor bundled over that, wire types
 * generated from `proto/`, the kernels compiled to WebAssembly, and, where the TypeScript compiler is installed, declarations.
 * Transpiling needs esbuild alone, a dependency at run time anyway, so that `npm ci --omit=dev` in an image builds too.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildKernel } from './kernel.mjs';
import { licencesOf } from './licences.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const folders = ['proto', 'shared', 'coordinator', 'worker', 'client'];

function typescriptFiles(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(root, folder, String(name)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && statSync(path).isFile());
}

function generateWireTypes() {
  const generator = join(
    dirname(require.resolve('@grpc/proto-loader/package.json')),
    'build/bin/proto-loader-gen-types.js',
  );
  const protos = readdirSync(join(root, 'proto/gristmill/v1'))
    .filter((name) => name.endsWith('.proto'))
    .sort();
  execFileSync(
    process.execPath,
    [
      generator,
      '--longs=String',
      '--enums=String',
      '--bytes=Buffer',
      '--defaults',
      '--oneofs',
      '--grpcLib=@grpc/grpc-js',
      '--importFileExtension=.js',
      `--includeDirs=${join(root, 'proto')}`,
      `--outDir=${join(root, 'proto/generated')}`,
      ...protos.map((name) => `gristmill/v1/${name}`),
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** CommonJS packages inside a bundle ask for Node's own modules by `require`. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** Files that a module names relative to itself are found from the bundle too: each module keeps its own place. */
function placesOf(entry) {
  const own = /new URL\((.+), import\.meta\.url\)/g;
  return {
    name: 'places',
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const place = relative(dirname(join(root, entry)), path);
        const url = `new URL(${JSON.stringify(place)}, import.meta.url)`;
        return { contents: readFileSync(path, 'utf8').replace(own, `new URL($1, ${url})`), loader: 'ts' };
      });
    },
  };
}

/** What programs that are one file load only where there is a bucket: one file of its own, which loads in half the time of its packages. */
const S3_CLIENT = 'shared/store/s3/minio.js';

function s3ClientOf(entry) {
  const path = relative(dirname(join(root, entry)), join(root, S3_CLIENT));
  return {
    name: 's3-client',
    setup(bundler) {
      bundler.onResolve({ filter: /^minio$/ }, () => ({
        path: path.startsWith('.') ? path : `./${path}`,
        external: true,
      }));
    },
  };
}

async function transpile() {
  const options = {
    absWorkingDir: root,
    outdir: join(root, 'dist'),
    outbase: root,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  };
  const files = folders
    .flatMap(typescriptFiles)
    .filter((path) => !path.includes('/proto/generated/') && !path.includes('/kernel/assembly/'));
  await build({ ...options, entryPoints: files });
  const executor = await build({
    ...options,
    // An executor starts once for each slot, in two threads: one file each loads in half the time of forty.
    entryPoints: ['main', 'io-thread'].map((name) => join(root, `worker/executor/${name}.ts`)),
    bundle: true,
    allowOverwrite: true,
    metafile: true,
    banner: { js: REQUIRE },
    plugins: [s3ClientOf('worker/executor/main.ts')],
  });
  const s3Client = await build({
    ...options,
    stdin: { contents: "export { Client } from 'minio';", resolveDir: root },
    outdir: undefined,
    outfile: join(root, 'dist', S3_CLIENT),
    bundle: true,
    sourcemap: false,
    metafile: true,
    banner: { js: REQUIRE },
  });
  const command = await build({
    ...options,
    // The command hosts a coordinator and an agent: with gRPC and all it needs in one file it starts a fifth sooner.
    entryPoints: [join(root, 'client/main.ts')],
    bundle: true,
    // Some read files beside their own: gRPC's standard services, which only a coordinator that stands loads.
    external: ['esbuild', 'pino', 'grpc-health-check', '@grpc/reflection'],
    allowOverwrite: true,
    metafile: true,
    banner: { js: REQUIRE },
    plugins: [placesOf('client/main.ts'), s3ClientOf('client/main.ts')],
  });
  cpSync(join(root, 'proto/gristmill'), join(root, 'dist/proto/gristmill'), { recursive: true });
  writeFileSync(
    join(root, 'dist/licences.txt'),
    licencesOf(root, [executor.metafile, s3Client.metafile, command.metafile]),
  );
  chmodSync(join(root, 'dist/client/main.js'), 0o755);
}

function declare() {
  let compiler;
  try {
    compiler = require.resolve('typescript/lib/tsc.js');
  } catch {
    return; // dependencies only: the program runs without its declarations
  }
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.declarations.json')], {
    cwd: root,
    stdio: 'inherit',
  });
}

if (process.argv.includes('--generate')) {
  generateWireTypes();
  buildKernel(root);
} else {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  generateWireTypes();
  buildKernel(root);
  await transpile();
  if (!process.argv.includes('--fast')) declare();
}
