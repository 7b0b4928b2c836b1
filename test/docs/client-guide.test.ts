/** The guide to the client: its program runs as its reader would run it, and its tables name what there is. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as client from '../../client/index.js';
import { Cluster } from '../harness/cluster.js';
import { repository, type Ended } from '../harness/command.js';

const guide = readFileSync(join(repository, 'docs/guide/client.md'), 'utf8');
const snippets = [...guide.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)];

let cluster: Cluster;

async function prepare(): Promise<void> {
  cluster = await Cluster.start({ workers: 1 });
  const { place } = cluster;
  mkdirSync(place.path('node_modules'));
  symlinkSync(repository, place.path('node_modules/gristmill'));
  place.write('package.json', '{ "type": "module" }\n');
  for (const [, name = '', text = ''] of snippets) place.write(name, text);
  mkdirSync(place.path('books'));
  place.write('books/whale.txt', 'The whale, the sea.\n');
}

function nightly(): Promise<Ended> {
  const hooks = pathToFileURL(join(repository, 'scripts/run-ts-hooks.mjs')).href;
  const register = `data:text/javascript,import { register } from 'node:module'; register('${hooks}');`;
  const program = [process.execPath, '--no-warnings', '--import', register];
  return cluster.place.start(['nightly.ts'], program, { COORDINATOR: cluster.address }).ended;
}

describe('the guide to the client', () => {
  test('has no snippet that no test runs', () => {
    const fences = [...guide.matchAll(/^```(.+)$/gm)].map(([, info]) => info);
    expect(fences).toEqual(['ts file=word-count.ts', 'ts file=nightly.ts']);
  });

  test('names every class of errors that there is', () => {
    const classes = Object.entries(client).filter(([, value]) => value.prototype instanceof Error);
    for (const [name] of classes) expect(guide).toContain(`\`${name}\``);
    expect(classes.length).toBeGreaterThan(8);
  });
});

describe('its program', () => {
  beforeEach(prepare);
  afterEach(() => cluster.remove());

  test('runs a job, once a night, and ends by itself', async () => {
    const first = await nightly();
    expect(first.stderr).toBe('');
    const states = ['validating', 'queued', 'in_progress', 'committing', 'completed'];
    const [job = '', ...lines] = first.stdout.trimEnd().split('\n');
    expect(job).toMatch(/^job [0-9a-z]{12}$/);
    expect(lines).toEqual([...states, expect.stringMatching(/^3 words in \d+ parts?$/), 'the 2']);
    expect(first.code).toBe(0);
    expect((await nightly()).stdout).toBe(first.stdout);
    expect(await cluster.client.list()).toHaveLength(1);
  });

  test('says whose fault a failure is', async () => {
    const failing = (snippets[0]?.[2] ?? '').replace('emit(word, 1)', "{ throw new Error('oh'); }");
    cluster.place.write('word-count.ts', failing);
    const failed = await nightly();
    expect(failed.stderr).toMatch(/^the job is wrong: job \w+ failed: .*oh/);
    expect(failed.code).toBe(1);
  });
});
