/** What a user gets: the tarball in an empty folder with a job of the user's own, and the checkout without tools. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { files, root } from '../../tidy/checkout.js';
import { quiet, run } from './npm.js';

const minutes = 60_000;

const job = `import { agg, defineJob, read, write } from 'gristmill';

interface Sale {
  shop: string;
  amount: number;
}

export default defineJob({
  name: 'sales',
  input: read.jsonl<Sale>('sales.jsonl'),
  map(sale, emit) {
    emit(sale.shop, sale.amount);
  },
  reduce: agg.sum(),
  output: write.jsonl('out'),
});
`;

const sales = '{"shop":"north","amount":2.5}\n{"shop":"south","amount":1}\n{"shop":"north","amount":4}\n';
const totals = ['{"key":"north","value":6.5}', '{"key":"south","value":1}'];

const definition = `const sales = (map) => defineJob({
  name: 'sales', input: read.jsonl('sales.jsonl'), map, reduce: agg.sum(), output: write.jsonl('out'),
});
const input = ${JSON.stringify(
  sales
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown),
)};
`;

const jobTest = `import assert from 'node:assert/strict';
import test from 'node:test';
import { agg, defineJob, read, write } from 'gristmill';
import { runJob } from 'gristmill/testing';

${definition}
test('the sales of each shop', async () => {
  const shops = new Set();
  const job = sales(({ shop, amount }, emit) => {
    shops.add(shop);
    emit(shop, amount);
  });
  const { rows } = await runJob(job, { input });
  assert.deepEqual(rows, [{ key: 'north', value: 6.5 }, { key: 'south', value: 1 }]);
  assert.deepEqual([...shops], ['north', 'south']);
});

test('a rejection that nothing awaited fails the job, and nothing else', async () => {
  const job = sales(({ shop, amount }, emit) => {
    Promise.reject(new Error('strayed'));
    emit(shop, amount);
  });
  await assert.rejects(runJob(job, { input }), { code: 'unhandled-rejection', message: /^strayed/ });
});
`;

const plainProgram = `import { agg, defineJob, read, write } from 'gristmill';
import { runJob } from 'gristmill/testing';

${definition}
const { rows } = await runJob(sales(({ shop, amount }, emit) => emit(shop, amount)), { input });
console.log(...rows.map(({ value }) => value));
await runJob(sales(() => { throw new Error('no sale'); }), { input }).catch(({ code, cause }) => {
  console.log(code + ': ' + cause.message);
});
`;

let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), 'gristmill-package-'));
});
afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
});

function folderWithJob(name: string): string {
  const folder = join(temporary, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'sales.ts'), job);
  writeFileSync(join(folder, 'sales.jsonl'), sales);
  return folder;
}

function rowsIn(folder: string): string[] {
  const parts = readdirSync(folder).filter((name) => name.startsWith('part-'));
  return parts.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean)).sort();
}

function typeCheck(folder: string, file: string): Promise<unknown> {
  const compiler = createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', 'false'];
  return run(folder, process.execPath, compiler, ...options, file);
}

describe('the packed tarball in an empty folder', () => {
  let folder: string;
  beforeAll(async () => {
    await run(root, 'npm', 'pack', '--pack-destination', temporary, ...quiet);
    const tarball = readdirSync(temporary).find((name) => name.endsWith('.tgz')) ?? 'no tarball';
    folder = folderWithJob('user');
    // The prefix, for npm takes the nearest folder above that has a node_modules, whosever that is.
    await run(folder, 'npm', 'install', '--prefix', folder, join(temporary, tarball), ...quiet);
  }, 5 * minutes);

  test(
    "runs a job file of the user's own",
    async () => {
      await run(folder, 'npx', '--no-install', 'gristmill', 'run', 'sales.ts');
      expect(rowsIn(join(folder, 'out'))).toEqual(totals);
    },
    2 * minutes,
  );

  test(
    'brings its types: tsc accepts the job, and refuses a wrong one',
    async () => {
      await typeCheck(folder, 'sales.ts');
      writeFileSync(join(folder, 'wrong.ts'), job.replace('sale.amount)', 'sale.amuont)'));
      await expect(typeCheck(folder, 'wrong.ts')).rejects.toThrow("'amuont' does not exist");
      writeFileSync(
        join(folder, 'wrong.ts'),
        job.replace('emit(sale.shop, sale.amount)', 'emit(sale.shop, sale.shop)'),
      );
      await expect(typeCheck(folder, 'wrong.ts')).rejects.toThrow('TS2345');
    },
    2 * minutes,
  );

  test(
    "tests the job with Node's runner, closures included, and the process ends by itself",
    async () => {
      writeFileSync(join(folder, 'sales.test.mjs'), jobTest);
      const { stdout } = await run(folder, process.execPath, '--test', 'sales.test.mjs');
      expect(stdout).toMatch(/^# pass 2$|^ℹ pass 2$/m);
    },
    2 * minutes,
  );

  test(
    'runs a job in a plain program, which ends by itself',
    async () => {
      writeFileSync(join(folder, 'plain.mjs'), plainProgram);
      const { stdout, stderr } = await run(folder, process.execPath, 'plain.mjs');
      expect({ stdout, stderr }).toEqual({ stdout: '6.5 1\nmap-failed: no sale\n', stderr: '' });
    },
    2 * minutes,
  );

  test('holds the program, its contract and all licences, and no source, test or map', () => {
    const installed = join(folder, 'node_modules/gristmill');
    const names = readdirSync(installed, { recursive: true }).map(String);
    for (const name of ['LICENSE', 'README.md', 'dist/client/main.js', 'proto/gristmill/v1/job.proto']) {
      expect(names).toContain(name);
    }
    const licences = readFileSync(join(installed, 'dist/licences.txt'), 'utf8');
    expect(licences).toMatch(/^@grpc\/grpc-js [\d.]+ \(Apache-2.0\)$/m);
    expect(licences).toContain('Redistribution and use in source and binary forms');
    const surplus = names.filter(
      (name) => !name.startsWith('node_modules') && /^(test|bench|shared)|\.map$/.test(name),
    );
    expect(surplus).toEqual([]);
    expect(names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([]);
  });
});

describe('a clean copy of the repository', () => {
  test(
    'builds with its dependencies alone and runs a job',
    async () => {
      const copy = join(temporary, 'copy');
      for (const file of files) {
        mkdirSync(dirname(join(copy, file)), { recursive: true });
        cpSync(join(root, file), join(copy, file));
      }
      await run(copy, 'npm', 'ci', '--omit=dev', ...quiet);
      expect(readdirSync(join(copy, 'node_modules'))).not.toContain('typescript');
      const folder = folderWithJob('elsewhere');
      await run(folder, process.execPath, join(copy, 'dist/client/main.js'), 'run', 'sales.ts', '--quiet');
      expect(rowsIn(join(folder, 'out'))).toEqual(totals);
    },
    5 * minutes,
  );
});
