/** The guide to testing jobs: its snippets run as their reader would run them, and what it says fails does fail. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/guide/testing.md'), 'utf8');

/** The program of each snippet, by the name of its file. */
const snippets = new Map(
  [...guide.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [name, text]),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-guide-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/gristmill'));
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const [name, text] of snippets) writeFileSync(join(folder, name), text);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function node(...args: string[]) {
  const environment = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_ENV|NODE_TEST|NO_COLOR)/.test(name),
  );
  const env = { ...Object.fromEntries(environment), NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env });
  return { status, text: stdout + stderr };
}

function vitest(file: string) {
  return node(join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder, file);
}

describe('the guide to testing jobs', () => {
  test('has no snippet that no test runs', () => {
    const fences = [...guide.matchAll(/^```(.+)$/gm)].map(([, info]) => info);
    expect(fences).toEqual([...snippets.keys()].map((name) => `ts file=${name}`));
  });

  test.each(['word-count.test.ts', 'failing.test.ts'])('shows a test that passes with vitest: %s', (file) => {
    const { status, text } = vitest(file);
    expect(text).toContain('1 passed');
    expect(status, text).toBe(0);
  });

  test("shows a test that passes with Node's runner, whose process ends by itself", () => {
    const hooks = pathToFileURL(join(root, 'scripts/run-ts-hooks.mjs')).href;
    const register = `data:text/javascript,import { register } from 'node:module'; register('${hooks}');`;
    const { status, text } = node('--import', register, 'word-count.node.ts');
    expect(text).toContain('a line without words counts nothing');
    expect(status, text).toBe(0);
  });

  test('shows a test that fails because its combiner is not associative', () => {
    const { status, text } = vitest('delays.test.ts');
    expect(status, text).toBe(1);
    expect(text).toMatch(/FAIL.*combining changes no mean \(everywhere\)/);
    expect(text).toContain('1 failed | 1 passed');
    expect(text).toContain('"mean": 32');
    writeFileSync(join(folder, 'delays.ts'), snippets.get('delays.ts')?.replace(/^.*\/\/ wrong\n/m, '') ?? '');
    expect(vitest('delays.test.ts').status).toBe(0);
  });
});
