/** What must not be in the repository: large files, places of one machine, and dependencies of one registry. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { files, root, text } from './checkout.js';

const fileBytesMax = 1024 * 1024;

/** Files that are bytes, not text. */
const binary = /\.(bin|gz|zst|png|ico|wasm|parquet)$/;

/** A home or work folder of somebody, or a package mirror: neither means anything on another machine. */
const machinePath = /(?<![\w.~-])\/(?:(?:home|Users)\/(?!me\b|you\b|user\b|a%20b)|root\/|work\/)[a-z]/i;
const registryHost = /https?:\/\/[\w.-]*(npmjs|npm\.|registry|artifactory|nexus|verdaccio|mirror)[\w.-]*/i;

const prose = files.filter((file) => !binary.test(file));

function linesWith(pattern: RegExp): string[] {
  return prose.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${line.trim().slice(0, 100)}`] : [])),
  );
}

describe('tracked files', () => {
  test('none is larger than 1 MB', () => {
    expect(files.filter((file) => statSync(join(root, file)).size > fileBytesMax)).toEqual([]);
  });

  test('none names a path of one machine', () => {
    expect(linesWith(machinePath)).toEqual([]);
  });

  test('none names a package registry', () => {
    expect(linesWith(registryHost)).toEqual([]);
  });

  test('the lock file pins contents, not places', () => {
    const lock = JSON.parse(text('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, fields]) => fields['resolved'] !== undefined).map(([path]) => path)).toEqual([]);
    expect(packages.filter(([, fields]) => fields['integrity'] === undefined).map(([path]) => path)).toEqual([]);
  });

  test('text ends in one newline and has no tab-and-space tails', () => {
    const untidy = prose
      .filter((file) => !file.startsWith('test/fixtures/') && !file.startsWith('test/golden/') && file !== 'LICENSE')
      .filter((file) => {
        const content = text(file);
        return content !== '' && (!content.endsWith('\n') || content.endsWith('\n\n') || /[ \t]+$/m.test(content));
      });
    expect(untidy).toEqual([]);
  });
});
