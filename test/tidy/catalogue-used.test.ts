/** Nothing in the catalogues is for show: each error can happen, each limit limits. */
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { sourceFiles, treeOf, visitNodes } from './checkout.js';

/** Every string literal of the shipped code outside the catalogue itself. */
function literals(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of sourceFiles.filter((name) => name !== 'shared/errors.ts')) {
    visitNodes(treeOf(file), (node) => {
      if (ts.isStringLiteralLike(node)) found.add(node.text);
      // Without a code, GristmillError.from means `internal`.
      if (ts.isPropertyAccessExpression(node) && node.getText() === 'GristmillError.from') found.add('internal');
    });
  }
  return found;
}

/** Codes given where the type of a code is asked for; the compiler has checked them, this finds the mistyped casts. */
function constructedCodes(): readonly string[] {
  return sourceFiles.flatMap((file) => {
    const codes: string[] = [];
    visitNodes(treeOf(file), (node) => {
      if (!ts.isNewExpression(node) || node.expression.getText() !== 'GristmillError') return;
      const code = node.arguments?.[0];
      if (code !== undefined && ts.isStringLiteralLike(code)) codes.push(code.text);
    });
    return codes;
  });
}

function limitsUsed(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of sourceFiles.filter((name) => name !== 'shared/limits.ts')) {
    visitNodes(treeOf(file), (node) => {
      if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'limits') found.add(node.name.text);
      if (ts.isStringLiteralLike(node) || ts.isBindingElement(node)) {
        found.add(ts.isBindingElement(node) ? node.name.getText() : node.text);
      }
    });
  }
  return found;
}

describe('the catalogues and the code', () => {
  test('every error code is used by the code, and every code used is in the catalogue', () => {
    const used = literals();
    expect(Object.keys(ERRORS).filter((code) => !used.has(code))).toEqual([]);
    expect(constructedCodes().filter((code) => !Object.hasOwn(ERRORS, code))).toEqual([]);
  });

  test('every limit is used by the code', () => {
    const used = limitsUsed();
    expect(Object.keys(limits).filter((name) => !used.has(name))).toEqual([]);
  });
});
