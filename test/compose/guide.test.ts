/** docs/guide/deploy.md, its chapters about one Docker engine. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workplace } from '../harness/command.js';
import { run } from '../harness/docker.js';
import { checkOut, follow, stepsOf } from '../harness/followed-guide.js';
import { describeWithDocker } from './docker-suite.js';

const MINUTES = 60_000;

describeWithDocker('docs/guide/deploy.md', () => {
  const place = new Workplace();
  const directory = place.path('gristmill');
  // The project and its ports are what the guide says; only its name is the test's own.
  const variables = { COMPOSE_PROJECT_NAME: `gristmill-guide-${randomBytes(4).toString('hex')}` };

  beforeAll(() => checkOut(directory));

  afterAll(async () => {
    await run('docker', ['compose', 'down', '--volumes'], { directory, variables }).catch(() => undefined);
    place.remove();
  }, 5 * MINUTES);

  test(
    'is true of containers, command by command',
    async () => {
      const steps = stepsOf('deploy.md', ['Secrets', 'On one Docker engine']);
      expect(steps.length).toBeGreaterThan(4);
      await follow(steps, { directory, variables });
    },
    30 * MINUTES,
  );
});
