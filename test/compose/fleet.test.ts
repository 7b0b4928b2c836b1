/** docker-compose.yml as its users have it: a store, a coordinator and workers in containers, and what befalls those. */
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zipfFile } from '../../bench/generate/zipf.js';
import { eventually, repository, type Running } from '../harness/command.js';
import { describeWithDocker } from './docker-suite.js';
import { Fleet } from '../harness/fleet.js';
import { countedPlainly } from '../harness/plain-count.js';
import { attemptsIn, expectCounted, tasksDone } from '../harness/watched.js';

const INPUT_BYTES = 200_000_000;
const MINUTES = 60_000;

describeWithDocker('the fleet of docker-compose.yml', () => {
  let fleet: Fleet;
  let counted: ReadonlyMap<string, number>;
  let jobs = 0;

  beforeAll(async () => {
    fleet = await Fleet.up({ workers: 4, variables: { WORKER_MEMORY: '1g' } });
    for (const job of ['words.ts', 'hungry.ts'])
      copyFileSync(join(repository, 'test/compose', job), fleet.place.path(job));
    const input = zipfFile(INPUT_BYTES);
    counted = await countedPlainly(input);
    copyFileSync(input, fleet.place.path('words.txt'));
    expect(await fleet.upload('words.txt', 's3://gristmill/data/')).toMatchObject({ code: 0 });
  }, 20 * MINUTES);

  afterAll(async () => {
    await (fleet as Fleet | undefined)?.remove();
  }, 5 * MINUTES);

  function start(): Running {
    return fleet.submit('words.ts', '--output', `s3://gristmill/data/out-${jobs++}`);
  }

  async function expectRight(running: Running): Promise<void> {
    await expectCounted(await running.ended, counted, (job) => fleet.results(job));
  }

  test(
    'counts 200 MB for somebody outside who has a token, as an ordinary user on a read-only file system',
    async () => {
      await expectRight(start());
      const [worker = ''] = await fleet.containers('worker');
      const tries =
        "process.stdout.write(String(process.getuid())); require('fs').writeFileSync('/opt/gristmill/x', '')";
      await expect(fleet.docker('exec', worker, 'node', '-e', tries)).rejects.toThrow('EROFS');
      const user = await fleet.docker('inspect', '--format', '{{.Config.User}}', worker);
      expect(user).toMatch(/^[1-9]\d*:/);
    },
    10 * MINUTES,
  );

  test(
    'lets somebody in whose token is added, and nobody whose token is taken out, without a restart',
    async () => {
      const access = fleet.place.path('secrets/access');
      const before = readFileSync(access, 'utf8');
      const token = fleet.place.path('another.token');
      const made = await fleet.place.run('token', '--role', 'read', '--name', 'another', '--to', token);
      const reach = [...fleet.reach.slice(0, fleet.reach.indexOf('--token-file')), '--token-file', token];
      const isIn = async () => (await fleet.place.run('jobs', ...reach)).code === 0;
      expect(await isIn()).toBe(false);
      appendFileSync(access, made.stdout);
      await eventually(isIn);
      writeFileSync(access, before);
      await eventually(async () => !(await isIn()));
    },
    MINUTES,
  );

  test(
    'goes on when a worker is killed',
    async () => {
      const running = start();
      await tasksDone(running, 5);
      const [worker = ''] = await fleet.containers('worker');
      await fleet.docker('kill', worker);
      await expectRight(running);
      await fleet.scale(4);
    },
    10 * MINUTES,
  );

  test(
    'goes on when a worker is frozen, and has use for it when it is back',
    async () => {
      const running = start();
      await tasksDone(running, 5);
      const [worker = ''] = await fleet.containers('worker');
      await fleet.docker('pause', worker);
      try {
        await expectRight(running);
      } finally {
        await fleet.docker('unpause', worker);
      }
      await fleet.healthy(worker);
      await expectRight(start());
    },
    10 * MINUTES,
  );

  test(
    'goes on when the coordinator is restarted',
    async () => {
      const running = start();
      await tasksDone(running, 5);
      const [coordinator = ''] = await fleet.containers('coordinator');
      await fleet.docker('restart', coordinator);
      await expectRight(running);
    },
    10 * MINUTES,
  );

  test(
    'goes on when a worker loses its network, which has its use again',
    async () => {
      const running = start();
      await tasksDone(running, 5);
      const [worker = ''] = await fleet.containers('worker');
      await fleet.docker('network', 'disconnect', fleet.network, worker);
      try {
        await expectRight(running);
      } finally {
        await fleet.docker('network', 'connect', fleet.network, worker);
      }
      await fleet.healthy(worker);
    },
    10 * MINUTES,
  );

  test(
    'goes on when the store is restarted',
    async () => {
      const running = start();
      await tasksDone(running, 5);
      await fleet.compose('restart', 'store');
      await expectRight(running);
      await expectRight(start());
    },
    10 * MINUTES,
  );

  test(
    'shrinks to one worker while a job runs, without an attempt that fails',
    async () => {
      await fleet.scale(4);
      const before = await fleet.containers('worker');
      const exits = before.map((id) => fleet.docker('wait', id));
      const running = start();
      await tasksDone(running, 5);
      await fleet.scale(1);
      await expectRight(running);
      const failed = attemptsIn((await running.ended).stdout).filter(({ won }) => !won);
      expect(failed).toEqual([]);
      const left = await fleet.containers('worker');
      expect(left).toHaveLength(1);
      const codes = await Promise.all(exits.filter((_, i) => !left.includes(before[i] ?? '')));
      expect(codes).toEqual(['0', '0', '0']);
    },
    10 * MINUTES,
  );

  test(
    'fails a task that outgrows its container, and only that task, with the reason',
    async () => {
      await fleet.scale(2);
      const workers = await fleet.containers('worker');
      const ended = await fleet.submit('hungry.ts').ended;
      expect(ended.code).toBe(1);
      const failed = attemptsIn(ended.stdout).filter(({ task }) => task.startsWith('map'));
      expect(failed.map(({ code }) => code)).toEqual(Array(4).fill('out-of-memory'));
      const restarts = await fleet.docker('inspect', '--format', '{{.RestartCount}} {{.State.Status}}', ...workers);
      expect(restarts.split('\n')).toEqual(['0 running', '0 running']);
      await expectRight(start());
    },
    10 * MINUTES,
  );

  test(
    'ends in order, within the grace of each, and leaves nothing',
    async () => {
      const ended = await fleet.stop();
      expect(ended.map(({ service }) => service).sort()).toEqual(['coordinator', 'store', 'worker', 'worker']);
      // 137 is SIGKILL: the grace was over.
      for (const { service, code } of ended) expect(code, service).not.toBe(137);
      for (const { service, code } of ended) if (service !== 'store') expect(code, service).toBe(0);
      await fleet.down();
      expect(await fleet.leftovers()).toEqual([]);
    },
    10 * MINUTES,
  );
});
