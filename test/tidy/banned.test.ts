/** Calls that have one home each. The message of a finding names the replacement. */
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import {
  files,
  folderOf,
  lineOf,
  report,
  sourceFiles,
  text,
  treeOf,
  typescriptFiles,
  visitNodes,
  type Finding,
} from './checkout.js';

interface Ban {
  /** The expression as it stands in the code, spaces removed. */
  readonly expression: RegExp;
  readonly home: (file: string) => boolean;
  readonly instead: string;
}

const isClock = (file: string) => file === 'shared/clock.ts';
const isClient = (file: string) => file.startsWith('client/');
const isExecutorEntry = (file: string) => file.startsWith('worker/executor/');

const bans: readonly Ban[] = [
  { expression: /^(globalThis\.)?Date\.now$/, home: isClock, instead: 'clock.now() of shared/clock.ts' },
  { expression: /^(globalThis\.)?performance\.now$/, home: isClock, instead: 'clock.monotonic() of shared/clock.ts' },
  { expression: /^process\.hrtime/, home: isClock, instead: 'clock.monotonic() of shared/clock.ts' },
  { expression: /^(globalThis\.)?setTimeout$/, home: isClock, instead: 'clock.after() or delay() of shared/clock.ts' },
  { expression: /^(globalThis\.)?setInterval$/, home: isClock, instead: 'clock.after(), again from its action' },
  {
    // The executor gives user code's stray promises one turn of the event loop, which no clock measures.
    expression: /^(globalThis\.)?setImmediate$/,
    home: (file) => isClock(file) || isExecutorEntry(file),
    instead: 'clock.after() of shared/clock.ts',
  },
  { expression: /^Math\.random$/, home: () => false, instead: 'randomness that is passed in' },
  {
    expression: /^process\.exit$/,
    home: (file) => file === 'client/main.ts' || isExecutorEntry(file),
    instead: 'a thrown GristmillError, or process.exitCode',
  },
  {
    expression: /^process\.env$/,
    home: (file) => isClient(file) || isExecutorEntry(file) || file === 'shared/gate.ts',
    instead: 'an option that is passed in',
  },
  { expression: /^console\.\w+$/, home: isClient, instead: 'the log that is passed in' },
];

function bannedExpressions(file: string): Finding[] {
  const tree = treeOf(file);
  const found: Finding[] = [];
  visitNodes(tree, (node) => {
    if (!ts.isPropertyAccessExpression(node) && !ts.isIdentifier(node)) return;
    if (ts.isIdentifier(node) && !isFreeName(node)) return;
    const expression = node.getText(tree).replace(/\s/g, '');
    const ban = bans.find((candidate) => candidate.expression.test(expression) && !candidate.home(file));
    if (ban === undefined) return;
    found.push({ file, line: lineOf(tree, node.getStart(tree)), says: `${expression}: use ${ban.instead}` });
  });
  return found;
}

/** An identifier that stands for a global: neither a property nor the name of something declared here. */
function isFreeName(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !ts.isPropertyAssignment(parent) && !ts.isPropertySignature(parent) && !ts.isMethodDeclaration(parent);
}

/** `import { setTimeout } from 'node:timers'` would be a way around. */
function timerImports(file: string): Finding[] {
  const tree = treeOf(file);
  return tree.statements
    .filter(ts.isImportDeclaration)
    .filter((node) => /^['"](node:)?(timers(\/promises)?|perf_hooks)['"]$/.test(node.moduleSpecifier.getText(tree)))
    .filter(() => !isClock(file))
    .map((node) => ({ file, line: lineOf(tree, node.getStart(tree)), says: 'timers: use shared/clock.ts' }));
}

function escapes(file: string): Finding[] {
  const tree = treeOf(file);
  const found: Finding[] = [];
  visitNodes(tree, (node) => {
    const says =
      node.kind === ts.SyntaxKind.AnyKeyword
        ? 'any: use unknown, and look'
        : ts.isNonNullExpression(node) && folderOf(file) !== undefined
          ? 'non-null !: let a type say it, or throw'
          : undefined;
    if (says !== undefined) found.push({ file, line: lineOf(tree, node.getStart(tree)), says });
  });
  return found;
}

function linesMatching(file: string, pattern: RegExp, says: string): Finding[] {
  return text(file)
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [{ file, line: index + 1, says }] : []));
}

/**
 * Only GristmillError is thrown, so that every failure has a code, a class and advice. The parser of the command line
 * asks for an error of its own, which it turns into one with the option's name.
 */
function otherErrors(file: string): Finding[] {
  const tree = treeOf(file);
  const found: Finding[] = [];
  visitNodes(tree, (node) => {
    if (!ts.isThrowStatement(node) || !ts.isNewExpression(node.expression)) return;
    const thrown = node.expression.expression.getText(tree);
    if (thrown === 'GristmillError' || (isClient(file) && thrown === 'InvalidArgumentError')) return;
    found.push({ file, line: lineOf(tree, node.getStart(tree)), says: `throws ${thrown}, not GristmillError` });
  });
  return found;
}

describe('banned outside their home', () => {
  test('time, timers, randomness, the environment, exits and the console each have one home', () => {
    const findings = sourceFiles.flatMap((file) => [...bannedExpressions(file), ...timerImports(file)]);
    expect(report(findings)).toEqual([]);
  });

  test('nothing but GristmillError is constructed to be thrown', () => {
    expect(report(sourceFiles.flatMap(otherErrors))).toEqual([]);
  });

  test('no type is escaped: no any, no non-null assertion, no suppressed compiler', () => {
    const suppressed = /@ts-(ignore|nocheck)/;
    const findings = typescriptFiles.flatMap((file) => [
      ...escapes(file),
      ...(file === 'test/tidy/banned.test.ts' ? [] : linesMatching(file, suppressed, 'the compiler is suppressed')),
    ]);
    expect(report(findings)).toEqual([]);
  });

  test('no work is left as a note in the text', () => {
    const note = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
    const prose = files.filter((file) => /\.(ts|mjs|js|md|proto|json|yml)$/.test(file) && file !== 'package-lock.json');
    expect(report(prose.flatMap((file) => linesMatching(file, note, 'a note instead of the work')))).toEqual([]);
  });
});
