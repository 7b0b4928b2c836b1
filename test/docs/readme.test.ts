/** The README's snippets: its job is a file that runs, and its commands do what it says. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function snippets(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, found, text = '']) =>
    found === language ? [text] : [],
  );
}

const commands = snippets('sh').flatMap((text) => text.split('\n').filter(Boolean));
/** Run by three-terminals.test.ts: some of them stand until they are stopped. */
const isForCluster = (line: string) => line.includes('--store .gristmill/cluster');
const gristmillCommands = commands.filter((line) => line.startsWith('npx gristmill ') && !isForCluster(line));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-readme-'));
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function gristmill(line: string) {
  const args = line.replace('npx gristmill ', '').split(' ');
  return spawnSync(process.execPath, [join(root, 'dist/client/main.js'), ...args], { cwd: folder, encoding: 'utf8' });
}

describe('the README', () => {
  test('opens with the two commands that a newcomer needs', () => {
    expect(snippets('sh')[0]).toBe('npm ci && npm start\nnpm test\n');
  });

  test('shows an example as it is', () => {
    expect(snippets('ts')).toEqual([readFileSync(join(root, 'examples/word-count.ts'), 'utf8')]);
  });

  test('has no snippet that no test runs', () => {
    const languages = [...readme.matchAll(/^```(\w*)$/gm)].map(([, language]) => language).filter(Boolean);
    expect(languages.filter((language) => language !== 'sh' && language !== 'ts')).toEqual([]);
    const continuous = readFileSync(join(root, '.ci/run'), 'utf8');
    for (const line of commands.filter((command) => !gristmillCommands.includes(command) && !isForCluster(command))) {
      for (const part of line.split(' && ')) expect(continuous).toContain(part);
    }
  });

  test('gives commands that work, in their order', () => {
    expect(gristmillCommands.length).toBeGreaterThan(0);
    for (const line of gristmillCommands) {
      const { status, stdout, stderr } = gristmill(line);
      expect(status, `${line}\n${stdout}${stderr}`).toBe(0);
    }
    for (const output of ['out/first-lines', 'out/word-count', 'out/grep']) {
      expect(existsSync(join(folder, output, '_SUCCESS'))).toBe(true);
    }
  });

  test('names every file that a result has', () => {
    expect(gristmill('npx gristmill run examples/word-count.ts --overwrite').status).toBe(0);
    const names = readdirSync(join(folder, 'out/word-count')).filter((name) => !/^part-0000[1-9]/.test(name));
    const described = [...readme.matchAll(/^\| `([^`]+)`(?:, \.\.\.)? \|/gm)].map(([, name]) => name);
    expect(described.sort()).toEqual(names.sort());
  });
});
