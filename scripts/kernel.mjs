/**
 * Compiles `shared/kernel/assembly` to WebAssembly and writes it as a module that carries the bytes as text, so that it is found
 * wherever the code is bundled to. Nothing is done when sources, options and compiler are those of last time.
 *
 * The compiler is a development dependency, for it weighs a hundred times what it makes. Where it is not installed
 * (`npm ci --omit=dev`), the same version is fetched into a temporary folder and removed again.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OPTIONS = [
  ...['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort='],
  ...['--enable', 'simd', '--enable', 'bulk-memory', '--importMemory', '--maximumMemory', '65536'],
];

export function buildKernel(root) {
  const sources = join(root, 'shared/kernel/assembly');
  const target = join(root, 'shared/kernel/generated/wasm.ts');
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify([OPTIONS, devDependencies.assemblyscript]));
  for (const name of readdirSync(sources).sort()) hash.update(`${name}\n`).update(readFileSync(join(sources, name)));
  const head = `/** Made by scripts/kernel.mjs from ${hash.digest('hex')}. */\n`;
  if (existsSync(target) && readFileSync(target, 'utf8').startsWith(head)) return;
  const folder = mkdtempSync(join(tmpdir(), 'gristmill-kernel-'));
  try {
    const compiler = compilerOf(root, folder, devDependencies.assemblyscript);
    const wasm = join(folder, 'kernel.wasm');
    execFileSync(process.execPath, [compiler, join(sources, 'index.ts'), '-o', wasm, ...OPTIONS], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    mkdirSync(join(root, 'shared/kernel/generated'), { recursive: true });
    const text = readFileSync(wasm).toString('base64');
    writeFileSync(target, `${head}export const kernelWasm =\n  '${text}';\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compilerOf(root, folder, version) {
  const program = 'node_modules/assemblyscript/bin/asc.js';
  const installed = join(root, program);
  if (existsSync(installed)) return installed;
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const dependencies = { assemblyscript: version };
  for (const name of ['binaryen', 'long']) dependencies[name] = packages[`node_modules/${name}`].version;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  // The npm that runs this build has its own settings in the environment: what it leaves out must not be left out here.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_(omit|include)/i.test(name)),
  );
  execFileSync(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['install', '--ignore-scripts', '--no-audit', '--loglevel=error'],
    {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return join(folder, program);
}
