/** What the guide to failures refers to is there: tests, acceptance programs, limits and error codes. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ERRORS } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(`${root}docs/guide/failures.md`, 'utf8');
const acceptance = readFileSync(`${root}test/oracle/acceptance.ts`, 'utf8');

function named(pattern: RegExp): string[] {
  return [...new Set([...guide.matchAll(pattern)].map(([, name]) => name ?? ''))];
}

test('every test that proves something is there', () => {
  const tests = named(/`(test\/[\w./-]+)`/g);
  expect(tests.length).toBeGreaterThan(10);
  expect(tests.filter((path) => !existsSync(root + path))).toEqual([]);
});

test('every acceptance program that proves something can be run', () => {
  const programs = named(/npm run acceptance -- ([\w-]+)/g);
  expect(programs.length).toBeGreaterThan(3);
  expect(programs.filter((name) => !acceptance.includes(`./acceptance/${name}.js`))).toEqual([]);
});

test('every limit and every code that is named exists', () => {
  const known = new Set([...Object.keys(limits), ...Object.keys(ERRORS)]);
  const others = new Set([
    'speculate',
    'map',
    'async',
    'setup',
    'fenced',
    'expired',
    'map-lost',
    '_SUCCESS',
    'SIGTERM',
  ]);
  const names = named(/`([a-z]+(?:[A-Z]\w*|-[a-z-]+))`/g).filter((name) => !others.has(name));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
