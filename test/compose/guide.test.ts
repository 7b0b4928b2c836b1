/** docs/guide/deploy.md, followed to the letter in a checkout of its own: each command succeeds and shows what the guide shows. */
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, Workplace } from '../harness/command.js';
import { run } from '../harness/docker.js';
import { describeWithDocker } from './docker-suite.js';

const MINUTES = 60_000;

interface Step {
  readonly commands: string;
  /** Lines of which each `...` may be anything, in their order. */
  readonly shown: readonly string[];
}

function stepsOf(guide: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, kind, text = ''] of guide.matchAll(/```(sh|text)\n([\s\S]*?)```/g)) {
    const last = steps.at(-1);
    if (kind === 'sh') steps.push({ commands: text, shown: [] });
    else if (last) steps.splice(-1, 1, { ...last, shown: text.trimEnd().split('\n') });
  }
  return steps;
}

function patternOf(line: string): RegExp {
  const parts = line.split('...').map((part) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\s+/g, '\\s+'),
  );
  return new RegExp(parts.join('.*'));
}

describeWithDocker('docs/guide/deploy.md', () => {
  const place = new Workplace();
  const checkout = place.path('gristmill');
  // The project and its ports are what the guide says; only its name is the test's own.
  const variables = { COMPOSE_PROJECT_NAME: `gristmill-guide-${randomBytes(4).toString('hex')}` };

  beforeAll(async () => {
    const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      directory: repository,
    });
    for (const file of listed.split('\0').filter((name) => name !== ''))
      cpSync(join(repository, file), join(checkout, file));
  });

  afterAll(async () => {
    await run('docker', ['compose', 'down', '--volumes'], { directory: checkout, variables }).catch(() => undefined);
    place.remove();
  }, 5 * MINUTES);

  test(
    'is true, command by command',
    async () => {
      const steps = stepsOf(readFileSync(join(repository, 'docs/guide/deploy.md'), 'utf8'));
      expect(steps.length).toBeGreaterThan(4);
      // One shell for all, as a reader has: what is exported stays.
      const marks = steps.map((_, i) => `=== after step ${i} ===`);
      const script = steps.map(({ commands }, i) => `${commands}\necho '${marks[i] ?? ''}'`).join('\n');
      const said = await run('bash', ['-euo', 'pipefail', '-c', script], { directory: checkout, variables });
      let rest = said;
      for (const [i, { shown }] of steps.entries()) {
        const [step = '', ...after] = rest.split(marks[i] ?? '');
        rest = after.join(marks[i]);
        for (const line of shown) expect(step).toMatch(patternOf(line));
      }
    },
    30 * MINUTES,
  );
});
