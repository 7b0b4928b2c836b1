/** The access file: what `gristmill token` prints is what a coordinator reads, and whatever is else is refused by its line. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../../client/command/program.js';
import { makeToken } from '../../../client/token.js';
import { grantLine, parseGrants, ROLES, tokenDigest } from '../../../shared/access.js';
import { limits } from '../../../shared/limits.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-access-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const hash = (token: string) => `sha256:${tokenDigest(token).toString('hex')}`;

describe('an access file', () => {
  test('is read as it was written, between comments and empty lines', () => {
    const grant = fc.record({ role: fc.constantFrom(...ROLES), name: fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}$/) });
    const lists = fc.uniqueArray(
      grant.filter(({ name }) => name !== 'owner'),
      { selector: ({ name }) => name, maxLength: 20 },
    );
    fc.assert(
      fc.property(lists, fc.constantFrom('', '# who\n', '\n', '   \n#\n'), (list, between) => {
        const grants = list.map((one) => ({ ...one, sha256: tokenDigest(`token of ${one.name}`) }));
        const text = grants.map((one) => `${between}${grantLine(one)}\n`).join('');
        expect(parseGrants(text, 'f')).toEqual(grants);
        expect(parseGrants(text.replaceAll(' ', '\t ').replaceAll('\n', '\r\n'), 'f')).toEqual(grants);
      }),
    );
  });

  test.each([
    ['root ci ' + hash('t'), /line 2 of f begins with no role: read, submit, worker, admin/],
    ['read', /line 2 of f has no name/],
    ['read ../x ' + hash('t'), /line 2 of f has no name/],
    ['admin owner ' + hash('t'), /line 2 of f is named owner/],
    ['read ci my-secret-token', /line 2 of f does not end in sha256: and the 64 hex digits/],
    [`read ci ${hash('t')} more`, /line 2 of f does not end in sha256/],
    [`read ci ${hash('t').toUpperCase()}`, /line 2 of f does not end in sha256/],
    ['read first ' + hash('t'), /line 2 of f names first a second time/],
    ['read other ' + hash('first'), /line 2 of f has the token of an earlier line/],
  ])('with the line %j is refused whole', (line, says) => {
    const attempt = () => parseGrants(`read first ${hash('first')}\n${line}\n`, 'f');
    expect(attempt).toThrow(says);
    expect(attempt).not.toThrow(/my-secret-token/);
  });

  test('has an end', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `read n${i} ${hash(`t${i}`)}`).join('\n');
    expect(parseGrants(lines(limits.accessGrantsMax), 'f')).toHaveLength(limits.accessGrantsMax);
    expect(() => parseGrants(lines(limits.accessGrantsMax + 1), 'f')).toThrow(/one too many/);
  });
});

describe('gristmill token', () => {
  const random = (bytes: number) => new Uint8Array(bytes).fill(7);
  const made = (...args: readonly string[]) => {
    const request = parseCommandLine(['token', ...args]);
    if (request.kind !== 'token') throw new Error(request.kind);
    return makeToken(request, random);
  };

  test('prints a token and the line that lets it in', () => {
    const text = made('--role', 'submit', '--name', 'ci');
    const [, token = '', line = ''] = /^token: (\S+)\nline of the access file: (.*)\n$/.exec(text) ?? [];
    expect(Buffer.from(token, 'base64url')).toEqual(Buffer.alloc(32, 7));
    expect(parseGrants(line, 'f')).toEqual([{ role: 'submit', name: 'ci', sha256: tokenDigest(token) }]);
  });

  test('with --to puts the token where its owner alone reads it, and never over another file', () => {
    const to = join(folder, 'ci.token');
    const line = made('--role', 'worker', '--name', 'w1', '--to', to);
    const token = readFileSync(to, 'utf8').trim();
    expect(parseGrants(line, 'f')).toEqual([{ role: 'worker', name: 'w1', sha256: tokenDigest(token) }]);
    expect(line).not.toContain(token);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    writeFileSync(to, 'other\n');
    expect(() => made('--role', 'worker', '--name', 'w1', '--to', to)).toThrow(/cannot write the token to .*EEXIST/);
    expect(readFileSync(to, 'utf8')).toBe('other\n');
  });

  test.each([
    [['--name', 'ci'], /--role takes one of read, submit, worker, admin/],
    [['--role', 'root', '--name', 'ci'], /--role takes one of/],
    [['--role', 'read'], /--name takes a name other than owner/],
    [['--role', 'read', '--name', 'owner'], /--name takes a name other than owner/],
    [['--role', 'read', '--name', 'a b'], /--name takes a name/],
    [['--role', 'read', '--name', 'a', '--to', ''], /--to takes a path/],
  ])('%j is refused', (args, says) => {
    expect(() => made(...args)).toThrow(says);
  });
});
