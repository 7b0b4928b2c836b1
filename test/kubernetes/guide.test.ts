/** docs/guide/deploy.md, its chapters about Kubernetes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, repository, Workplace } from '../harness/command.js';
import { run } from '../harness/docker.js';
import { checkOut, follow, stepsOf, type Step } from '../harness/followed-guide.js';
import { makeVolumesWritable } from '../harness/kubernetes.js';
import { describeWithKubernetes } from './kubernetes-suite.js';

const MINUTES = 60_000;
/** The guide's own. */
const NAMESPACE = 'gristmill';

describeWithKubernetes('docs/guide/deploy.md', () => {
  const place = new Workplace();
  const directory = place.path('gristmill');
  let mine = false;

  beforeAll(async () => {
    const found = await run('kubectl', ['get', 'namespace', NAMESPACE, '--ignore-not-found'], {
      directory: repository,
    });
    expect(found, 'this cluster has a fleet in the namespace of the guide: use another cluster').toBe('');
    mine = true;
    await checkOut(directory);
  });

  afterAll(async () => {
    const args = ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout', '4m'];
    if (mine) await run('kubectl', args, { directory: repository });
    place.remove();
  }, 5 * MINUTES);

  test(
    'is true of Kubernetes, command by command',
    async () => {
      const steps = stepsOf('deploy.md', ['Secrets', 'On Kubernetes']);
      expect(steps.length).toBeGreaterThan(4);
      const following = follow(steps, { directory });
      await Promise.all([following, volumesOnceAsked(steps, following)]);
    },
    30 * MINUTES,
  );

  /** Beside what the guide says, and only where volumes are folders of this machine. */
  async function volumesOnceAsked(steps: readonly Step[], following: Promise<void>): Promise<void> {
    expect(steps.some(({ commands }) => commands.includes('with-store'))).toBe(true);
    const claim = ['get', 'pvc', 'data-store-0', '--namespace', NAMESPACE, '--ignore-not-found', '--output', 'name'];
    const over = new AbortController();
    void following.catch(() => undefined).finally(() => over.abort());
    await eventually(
      async () => over.signal.aborted || (await run('kubectl', claim, { directory: repository })) !== '',
    );
    if (!over.signal.aborted) await makeVolumesWritable(NAMESPACE);
  }
});
