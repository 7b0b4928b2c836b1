/** Module hooks of run-ts.mjs: `./name.js` finds `./name.ts`, and a `.ts` file loads as the JavaScript in it. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

export async function resolve(specifier, context, next) {
  if (/^(\.{0,2}\/|file:).*\.js$/.test(specifier) && !context.parentURL?.includes('/node_modules/')) {
    const typescript = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (!existsSync(new URL(specifier, context.parentURL)) && existsSync(typescript))
      return next(typescript.href, context);
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const sourcefile = fileURLToPath(url);
  const { code } = transformSync(readFileSync(sourcefile, 'utf8'), {
    sourcefile,
    loader: 'ts',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
