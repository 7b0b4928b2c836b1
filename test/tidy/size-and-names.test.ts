/** Files about 100 lines, named for a concept; functions that fit a screen. */
import { basename } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { files, lineOf, report, text, treeOf, typescriptFiles, visitNodes, type Finding } from './checkout.js';

const fileLinesMax = 400;
const functionLinesMax = 70;

/** Names that the outside world fixes. */
const fixedNames = new Set([
  'LICENSE',
  'NOTICE',
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'Dockerfile',
]);

const emptyNames = /^(utils?|helpers?|common|misc|stuff|lib)$/;

const kebabCase = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;

/** `common.proto` and what is generated from it name a part of the wire, not a lack of a name. */
const wireNames = /^proto\/gristmill\/v1\//;

function sourceLike(file: string): boolean {
  return /\.(ts|mjs|js)$/.test(file) || file === '.ci/run';
}

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

function nameOf(node: ts.FunctionLikeDeclaration, tree: ts.SourceFile): string {
  if (node.name !== undefined) return node.name.getText(tree);
  const parent = node.parent;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText(tree) : 'a function';
}

/** Callbacks of functions named `describe...`, and those functions, are chapters of tests: the tests in them are measured. */
function isChapter(node: ts.FunctionLikeDeclaration, tree: ts.SourceFile): boolean {
  const call = node.parent;
  if (/^describe/.test(nameOf(node, tree))) return true;
  return ts.isCallExpression(call) && /^describe/.test(call.expression.getText(tree));
}

function longFunctions(file: string): Finding[] {
  const tree = treeOf(file);
  const found: Finding[] = [];
  visitNodes(tree, (node) => {
    if (!isFunction(node) || isChapter(node, tree)) return;
    const first = lineOf(tree, node.getStart(tree));
    const lines = lineOf(tree, node.getEnd()) - first + 1;
    if (lines <= functionLinesMax) return;
    found.push({ file, line: first, says: `${nameOf(node, tree)} has ${lines} lines of at most ${functionLinesMax}` });
  });
  return found;
}

describe('sizes and names', () => {
  test('no source file is longer than 400 lines', () => {
    const long = files
      .filter((file) => sourceLike(file) && !file.startsWith('test/fixtures/'))
      .map((file) => ({ file, lines: text(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > fileLinesMax)
      .map(({ file, lines }) => `${file} has ${lines} lines: it is two concepts`);
    expect(long).toEqual([]);
  });

  test('every function fits a screen', () => {
    expect(report(typescriptFiles.flatMap(longFunctions))).toEqual([]);
  });

  test('every file and folder is named in kebab-case', () => {
    const names = files.flatMap((file) => file.split('/').map((name) => ({ file, name })));
    const odd = names.filter(({ name }) => !kebabCase.test(name) && !fixedNames.has(name));
    expect(odd.map(({ file, name }) => `${file}: ${name} is not kebab-case`)).toEqual([]);
  });

  test('no file or folder is named for the lack of a name', () => {
    const odd = files.filter((file) => {
      if (wireNames.test(file)) return false;
      const [top, ...rest] = file.split('/');
      const names = rest.length === 0 ? [top ?? ''] : rest;
      return names.some((name) => emptyNames.test(basename(name).split('.')[0] ?? ''));
    });
    expect(odd).toEqual([]);
  });
});
