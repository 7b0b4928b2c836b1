/** What the checkout holds, as the tidy tests see it: the files that would be committed, and their syntax trees. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The folders whose code is shipped; everything else is tools, tests and text. */
export const sourceFolders = ['proto', 'shared', 'coordinator', 'worker', 'client'] as const;

export type SourceFolder = (typeof sourceFolders)[number];

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly says: string;
}

/** `.gitignore` as it is written here: names of folders, paths of folders, and `*.ending`. No git is needed for it. */
function ignoreRules(): (path: string, name: string) => boolean {
  const rules = readFileSync(join(root, '.gitignore'), 'utf8').split('\n').filter(Boolean);
  const endings = rules.filter((rule) => rule.startsWith('*')).map((rule) => rule.slice(1));
  const paths = rules.filter((rule) => !rule.startsWith('*')).map((rule) => rule.replace(/\/$/, ''));
  return (path, name) =>
    name === '.git' ||
    endings.some((ending) => name.endsWith(ending)) ||
    paths.some((rule) => (rule.includes('/') ? path === rule : name === rule));
}

/** Every file that belongs to the repository, relative to its root, with forward slashes, sorted. */
export const files: readonly string[] = (() => {
  const ignored = ignoreRules();
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = relative(root, join(folder, entry.name)).split(sep).join('/');
      if (ignored(path, entry.name)) continue;
      if (entry.isDirectory()) visit(join(folder, entry.name));
      else found.push(path);
    }
  };
  visit(root);
  return found.sort();
})();

/** Definitions that are wrong on purpose live in test/fixtures: no rule of taste applies to them. */
export const typescriptFiles = files.filter(
  (file) => file.endsWith('.ts') && !file.startsWith('test/fixtures/') && !isAssembly(file),
);

/** Looks like TypeScript and is not: its compiler has rules of its own, and what is in it is reached by an export or gone. */
function isAssembly(file: string): boolean {
  return file.startsWith('shared/kernel/assembly/');
}

export const sourceFiles = typescriptFiles.filter((file) => folderOf(file) !== undefined);

export function folderOf(file: string): SourceFolder | undefined {
  return sourceFolders.find((folder) => file.startsWith(`${folder}/`));
}

export function text(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

const trees = new Map<string, ts.SourceFile>();

export function treeOf(file: string): ts.SourceFile {
  const known = trees.get(file);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(file, text(file), ts.ScriptTarget.ES2022, true);
  trees.set(file, tree);
  return tree;
}

export function visitNodes(node: ts.Node, action: (node: ts.Node) => void): void {
  action(node);
  ts.forEachChild(node, (child) => {
    visitNodes(child, action);
  });
}

export function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** Every module specifier of a file: static, re-exported, typed and dynamic imports, with its line. */
export function importsOf(file: string): { readonly specifier: string; readonly line: number }[] {
  const tree = treeOf(file);
  const found: { specifier: string; line: number }[] = [];
  visitNodes(tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    found.push({ specifier: specifier.text, line: lineOf(tree, specifier.getStart(tree)) });
  });
  return found;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  const literal =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : undefined;
  return literal !== undefined && ts.isStringLiteralLike(literal) ? literal : undefined;
}

/** One line per finding, so that a failing test reads like a compiler. */
export function report(findings: readonly Finding[]): string[] {
  return findings.map(({ file, line, says }) => `${file}:${line} ${says}`);
}
