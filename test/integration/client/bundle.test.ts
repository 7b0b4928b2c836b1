/** `gristmill bundle`: the file that clients in other languages submit. */
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { events, repository, Workplace } from '../../harness/command.js';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  copyFileSync(join(repository, 'examples/word-count.ts'), place.path('word-count.ts'));
});
afterEach(() => place.remove());

describe('bundle', () => {
  test('writes what a submission of the same file would upload, and says its hash', async () => {
    const { code, stdout, stderr } = await place.run('bundle', 'word-count.ts', '-o', 'job.mjs', '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const written = readFileSync(place.path('job.mjs'));
    const sha256 = createHash('sha256').update(written).digest('hex');
    expect(events(stdout)).toEqual([{ type: 'bundled', file: 'job.mjs', sha256, bytes: written.length }]);
    expect((await bundleJob(place.path('word-count.ts'))).sha256).toBe(sha256);
    const plain = await place.run('bundle', './word-count.ts');
    expect(plain.stdout).toContain(`word-count.mjs: `);
    expect(plain.stdout).toContain(sha256);
    expect(readFileSync(place.path('word-count.mjs')).equals(written)).toBe(true);
  });

  test('writes over no source, and nothing where the job is wrong or the file cannot be written', async () => {
    const source = readFileSync(place.path('word-count.ts'), 'utf8');
    const same = await place.run('bundle', 'word-count.ts', '-o', './word-count.ts');
    expect(same.stderr).toContain('is the job file itself\nhint: -o names another file');
    expect(same.code).toBe(2);
    expect(readFileSync(place.path('word-count.ts'), 'utf8')).toBe(source);
    place.write('wrong.ts', "import 'there-is-no-such-package';\n");
    const wrong = await place.run('bundle', 'wrong.ts');
    expect(wrong.stderr).toContain('there-is-no-such-package');
    expect(wrong.code).toBe(2);
    const nowhere = await place.run('bundle', 'word-count.ts', '-o', 'none/job.mjs');
    expect(nowhere.stderr).toContain('cannot write none/job.mjs: ');
    expect(nowhere.code).toBe(1);
    expect(place.files('.').filter((file) => /\.mjs/.test(file))).toEqual([]);
  });
});
