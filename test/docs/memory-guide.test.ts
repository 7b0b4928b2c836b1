/** The guide to memory: its job spills, says so as the guide shows it, and writes what it writes with more memory. */
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../shared/limits.js';
import { repository, Workplace } from '../harness/command.js';

const guide = readFileSync(join(repository, 'docs/guide/memory.md'), 'utf8');
const fences = new Map(
  [...guide.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)].map(([, info = '', text = '']) => [info, text]),
);
const job = fences.get('ts file=visits.ts') ?? '';
const VISITS = 400_000;

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  mkdirSync(place.path('node_modules'));
  symlinkSync(repository, place.path('node_modules/gristmill'));
  mkdirSync(place.path('visits'));
  const visits = Array.from({ length: VISITS }, (_, i) =>
    JSON.stringify({ user: `user-${(i * 7919) % 100_000}`, page: `/page/${i % 977}` }),
  );
  writeFileSync(place.path('visits/all.jsonl'), `${visits.join('\n')}\n`);
});
afterAll(() => {
  place.remove();
});

async function parts(text: string): Promise<{ summary: string; bytes: string }> {
  place.write('visits.ts', text);
  const { code, stdout, stderr } = await place.run('run', 'visits.ts', '--workers', '1', '--overwrite');
  expect(code, stdout + stderr).toBe(0);
  const folder = place.path('out/pages-per-user');
  const names = readdirSync(folder).filter((name) => name.startsWith('part-'));
  return { summary: stdout, bytes: names.map((name) => readFileSync(join(folder, name), 'utf8')).join() };
}

describe('the guide to memory', () => {
  test('has no snippet that no test runs', () => {
    expect([...fences.keys()]).toEqual(['ts file=visits.ts', 'text', 'ts copy']);
  });

  test('shows a job that spills, as its summary says, and writes the same bytes when it has room', async () => {
    const tight = await parts(job);
    const shown = (fences.get('text') ?? '').trim();
    expect(tight.summary).toContain(shown);
    expect(shown).toContain('spilled to local disk');
    const roomy = await parts(job.replace('16MiB', '1GiB'));
    expect(roomy.summary).not.toContain('spilled');
    expect(roomy.bytes).toBe(tight.bytes);
  });

  test('names the bounds and the default of `memory`', () => {
    const MiB = 2 ** 20;
    expect(guide).toContain(`\`${limits.memoryBytesMin / MiB}MiB\``);
    expect(guide).toContain(`\`${limits.memoryBytesMax / MiB / 1024}GiB\``);
    expect(guide).toContain(`${limits.kernelBytesMax / MiB} MiB`);
  });

  test('shows how to keep a copy of a line', async () => {
    const program = `const line = 'søme line'; ${fences.get('ts copy') ?? ''} export { copy };`;
    const made = (await import(`data:text/javascript,${encodeURIComponent(program)}`)) as { readonly copy: string };
    expect(made.copy).toBe('søme line');
  });
});
