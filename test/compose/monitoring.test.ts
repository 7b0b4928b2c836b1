/**
 * The profile `monitoring`, with jobs to look at: Prometheus itself reads its file and asks the coordinator over TLS with its token,
 * answers every question of the dashboard, and raises its alerts. Grafana is not started: all that is ours of it are those questions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, repository, Workplace } from '../harness/command.js';
import { Fleet } from '../harness/fleet.js';
import { describeWithDocker } from './docker-suite.js';
import { completed } from '../harness/watched.js';

const MINUTES = 60_000;
/** In the place of Grafana's variable: long enough for what happened in the beginning, on a slow machine too. */
const WINDOW = '5m';
const FOLDER = join(repository, 'deploy/monitoring');

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const { panels } = JSON.parse(readFileSync(join(FOLDER, 'grafana/gristmill.json'), 'utf8')) as Dashboard;
const questions = panels.flatMap(({ title, targets }) =>
  targets.map(({ expr, legendFormat }) => ({ title, legendFormat, expr })),
);

/** What is 0 after jobs that ended well or by their own fault, in a fleet that has nothing else to do. */
const quiet = [
  'Jobs by state',
  'Tasks that wait',
  'Attempts that run',
  'Records: bad',
  'Throughput: spills',
  'Requests repeated or unanswered: repeated {{operation}}',
  'Requests repeated or unanswered: unanswered {{operation}}',
];

const counting = `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'counting',
  input: read.text('s3://gristmill/data/lines.txt'),
  map(line, emit) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('s3://gristmill/data/counted'),
});
`;
const failing = counting
  .replace('for (const', "throw new Error('no');\n    for (const")
  .replace('data/counted', 'data/failed');

describeWithDocker('the profile `monitoring` of docker-compose.yml', () => {
  const own = new Workplace();
  let fleet: Fleet;
  let prometheus: string;

  beforeAll(async () => {
    fleet = await Fleet.up({ workers: 1, variables: { COMPOSE_FILE: askedOften(own) } });
    prometheus = await fleet.watch();
    // It is started, and is not up yet.
    await eventually(async () => (await ask('up == 1').catch(() => [])).length > 0);
    fleet.place.write('lines.txt', Array.from({ length: 20_000 }, (_, i) => `line ${i % 100}\n`).join(''));
    expect(await fleet.upload('lines.txt', 's3://gristmill/data/')).toMatchObject({ code: 0 });
    fleet.place.write('counting.ts', counting);
    fleet.place.write('failing.ts', failing);
    completed(await fleet.submit('counting.ts').ended);
    expect(await fleet.submit('failing.ts').ended).toMatchObject({ code: 1 });
    await eventually(async () => (await ask('gristmill_jobs_ended_total{outcome="failed"} > 0')).length > 0);
  }, 20 * MINUTES);

  afterAll(async () => {
    await (fleet as Fleet | undefined)?.remove();
    own.remove();
  }, 5 * MINUTES);

  async function api<T>(path: string): Promise<T> {
    const response = await fetch(`${prometheus}/api/v1/${path}`);
    const answer = (await response.json()) as { readonly status: string; readonly data: T; readonly error?: string };
    expect(answer, path).toMatchObject({ status: 'success' });
    return answer.data;
  }

  async function ask(question: string): Promise<readonly Sample[]> {
    const { result } = await api<{ readonly result: readonly Sample[] }>(
      `query?${String(new URLSearchParams({ query: question }))}`,
    );
    return result;
  }

  test('is of the version that is pinned, and finds its one target up, encrypted', async () => {
    const compose = readFileSync(join(repository, 'docker-compose.yml'), 'utf8');
    const { version } = await api<{ readonly version: string }>('status/buildinfo');
    expect(compose).toContain(`image: prom/prometheus:v${version}\n`);
    const { activeTargets } = await api<{ readonly activeTargets: readonly unknown[] }>('targets');
    expect(activeTargets).toMatchObject([
      { scrapeUrl: 'https://coordinator:7071/metrics', health: 'up', lastError: '', labels: { job: 'gristmill' } },
    ]);
  });

  describe('the dashboard', () => {
    test.each(questions)('$title ($legendFormat) has its answer', async ({ title, legendFormat, expr }) => {
      const found = (await ask(expr.replaceAll('$__rate_interval', WINDOW))).map(({ value }) => Number(value[1]));
      // A quantile of what did not happen is no number: of attempts that there were, it is one.
      expect(found.filter(Number.isFinite)).not.toEqual([]);
      const isQuiet = quiet.includes(title) || quiet.includes(`${title}: ${legendFormat}`);
      if (!isQuiet) expect(Math.max(...found.filter(Number.isFinite))).toBeGreaterThan(0);
    });

    test('sees the first of each thing that it counts', async () => {
      const outcomes = questions.find(({ title }) => title === 'Jobs ended')?.expr ?? '';
      const ended = await ask(outcomes.replaceAll('$__rate_interval', WINDOW));
      const seen = ended.filter(({ value }) => Number(value[1]) > 0).map(({ metric }) => metric['outcome']);
      expect(seen.sort()).toEqual(['completed', 'failed']);
    });
  });

  describe('an alert', () => {
    interface Rule {
      readonly name: string;
      readonly query: string;
      readonly health: string;
      readonly alerts: readonly unknown[];
    }
    const rules = async () =>
      (await api<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>('rules')).groups.flatMap(
        (group) => group.rules,
      );
    const isPending = async (name: string) =>
      (await rules()).some((rule) => rule.name === name && rule.alerts.length > 0);

    /** What it submits waits for ever: for no longer than that the alert is seen. */
    async function whileSomebodySubmits(isSeen: () => Promise<boolean>): Promise<void> {
      const running = fleet.submit('counting.ts', '--output', 's3://gristmill/data/never');
      await eventually(isSeen);
      running.child.kill('SIGKILL');
      await running.ended;
    }

    test('is not raised while all is well', async () => {
      await eventually(async () => (await rules()).every(({ health }) => health === 'ok'));
      const found = await rules();
      expect(found.length).toBeGreaterThan(0);
      expect(found.filter(({ alerts }) => alerts.length > 0)).toEqual([]);
    });

    test(
      'is raised without workers, without the store, and without the coordinator',
      async () => {
        await fleet.compose('stop', 'worker');
        await whileSomebodySubmits(() => isPending('GristmillNoWorkers'));
        await fleet.compose('stop', 'store');
        await whileSomebodySubmits(() => isPending('GristmillStoreSilent'));
        await fleet.compose('kill', 'coordinator');
        await eventually(() => isPending('GristmillCoordinatorDown'));
      },
      5 * MINUTES,
    );
  });
});

/** docker-compose.yml with its own file for Prometheus, but for how often it asks and judges: nobody wants to wait for that. */
function askedOften(own: Workplace): string {
  const scrapes = readFileSync(join(FOLDER, 'prometheus.yml'), 'utf8');
  const often = scrapes.replace(/^( {2}(?:scrape|evaluation)_interval): 15s$/gm, '$1: 1s');
  expect(often.match(/_interval: 1s$/gm)).toHaveLength(2);
  const volumes = [`${own.write('prometheus.yml', often)}:/etc/prometheus/prometheus.yml:ro`];
  const file = own.write('often.json', JSON.stringify({ services: { prometheus: { volumes } } }));
  return `docker-compose.yml:${file}`;
}
