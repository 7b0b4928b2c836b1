/** The doors of the package, as a program that installed it finds them: three are open, and no other is there. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { repository } from '../../harness/command.js';

/** The names that an import gives, or how it fails; a package may import itself by its name. */
async function imported(name: string): Promise<string> {
  const program = `import('${name}').then((all) => console.log(Object.keys(all).join(' ')), (e) => console.log(e.code, e.message))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: repository });
  return stdout.trim();
}

test("'gristmill' exports what a job definition needs", async () => {
  const names = (await imported('gristmill')).split(' ');
  for (const name of ['defineJob', 'defineMap', 'read', 'write', 'agg']) expect(names).toContain(name);
});

test("'gristmill/testing' exports what a test of a job needs", async () => {
  expect(await imported('gristmill/testing')).toBe('runJob');
});

test("'gristmill/client' exports what a program needs to run jobs on a coordinator", async () => {
  const names = (await imported('gristmill/client')).split(' ');
  for (const name of ['Client', 'bundle', 'GristmillError', 'JobFailed', 'Unavailable']) expect(names).toContain(name);
});

test('nothing else of the package can be imported', async () => {
  expect(await imported('gristmill/dist/client/main.js')).toMatch(/^ERR_PACKAGE_PATH_NOT_EXPORTED/);
});
