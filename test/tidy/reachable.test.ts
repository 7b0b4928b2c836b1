/** No dead files: everything in the repository is reached from a command, an export, a test or a document. */
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { files, sourceFiles, text, treeOf, typescriptFiles, visitNodes } from './checkout.js';

interface Package {
  readonly bin: Record<string, string>;
  readonly exports: Record<string, string | { readonly default: string }>;
  readonly scripts: Record<string, string>;
}

const known = new Set(files);
const description = JSON.parse(text('package.json')) as Package;

/** Source files that a user, a script or a child process starts from. */
function entryPoints(): string[] {
  const targets = Object.values(description.exports).map((target) =>
    typeof target === 'string' ? target : target.default,
  );
  return [...Object.values(description.bin), ...targets]
    .filter((path) => path.includes('dist/'))
    .map((path) => path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts'));
}

/** Files that a file names: imports, and paths for `new URL`, `Worker` or `join`, from its own folder or the root. */
function namedBy(file: string): string[] {
  const found: string[] = [];
  visitNodes(treeOf(file), (node) => {
    if (!ts.isStringLiteralLike(node) || !/\.[a-z]+$/.test(node.text)) return;
    const path = posix.join(posix.dirname(file), node.text);
    const candidates = [path, path.replace(/\.js$/, '.ts'), node.text];
    found.push(...candidates.filter((candidate) => known.has(candidate)));
  });
  return found;
}

/** What kernels must equal: the rest of the reference is in use, for what the kernels do not take. */
const oracles = ['shared/kernel/reference/merge.ts'];

function reachableFrom(entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = entries.filter((entry) => known.has(entry));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    if (/\.(ts|mjs)$/.test(file) && !file.startsWith('test/fixtures/')) waiting.push(...namedBy(file));
  }
  return reached;
}

/** A kustomization carries the file into a cluster. */
function namedByManifest(file: string): boolean {
  const manifest = posix.join(posix.dirname(file), 'kustomization.yaml');
  return files.includes(manifest) && text(manifest).includes(posix.basename(file));
}

describe('no dead files', () => {
  test('every entry point of the package exists', () => {
    expect(entryPoints().filter((entry) => !known.has(entry))).toEqual([]);
  });

  test('every source file is reached from an entry point of the package', () => {
    const reached = reachableFrom([...entryPoints(), ...oracles]);
    expect(sourceFiles.filter((file) => !reached.has(file))).toEqual([]);
  });

  test('every other TypeScript file is a test, an example, or reached from one or from a script', () => {
    const commands = [...Object.values(description.scripts), text('.ci/run')].join('\n');
    const starts = typescriptFiles.filter(
      (file) => file.endsWith('.test.ts') || file.endsWith('.config.ts') || commands.includes(file),
    );
    const reached = reachableFrom([...starts, ...entryPoints()]);
    const isExample = (file: string) => file.startsWith('examples/') || namedByManifest(file);
    const dead = typescriptFiles.filter(
      (file) => !reached.has(file) && !isExample(file) && !file.startsWith('test/types/'),
    );
    expect(dead).toEqual([]);
  });

  test('every script and every example is named by a command, a test or a document', () => {
    const rest = files.filter((file) => /\.(ts|mjs|md|json|sh)$/.test(file) || file === '.ci/run');
    const unnamed = files
      .filter((file) => file.startsWith('examples/') || /^scripts\/[^/]+$/.test(file))
      .filter((file) => {
        const name = posix.basename(file);
        return !rest.some((other) => other !== file && text(other).includes(name));
      });
    expect(unnamed).toEqual([]);
  });

  test('every document is linked from another', () => {
    const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/'));
    const linked = new Set(
      documents.flatMap((file) =>
        [...text(file).matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => posix.join(posix.dirname(file), link ?? '')),
      ),
    );
    expect(documents.filter((file) => file !== 'README.md' && !linked.has(file))).toEqual([]);
  });

  test('every link of a document leads to a file', () => {
    const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/'));
    const broken = documents.flatMap((file) =>
      [...text(file).matchAll(/\]\(([^)#\s]+)/g)]
        .map(([, link]) => link ?? '')
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
          const path = posix.join(posix.dirname(file), link).replace(/\/$/, '');
          return !known.has(path) && !files.some((other) => other.startsWith(`${path}/`));
        })
        .map((link) => `${file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });
});
