/** The dashboard, and the alerts, ask for metrics that there are, by labels that they have. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS } from '../../../coordinator/http/metric-list.js';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const path = new URL('../../../deploy/monitoring/grafana/gristmill.json', import.meta.url);
const { panels } = JSON.parse(readFileSync(path, 'utf8')) as Dashboard;
const metrics = new Map<string, (typeof METRICS)[keyof typeof METRICS]>(
  Object.values(METRICS).flatMap((metric) => [
    [metric.name, metric] as const,
    [`${metric.name}_bucket`, metric] as const,
  ]),
);
const targets = panels.flatMap(({ title, targets: those }) => those.map((target) => [title, target] as const));

test.each(targets)('%s asks for what there is', (_, { expr, legendFormat }) => {
  const [name = '', ...others] = new Set(expr.match(/\b(?:gristmill|process|nodejs)_[a-z0-9_]+/g));
  expect(others).toEqual([]);
  const metric = metrics.get(name);
  expect(metric, name).toBeDefined();
  const asked = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
  const grouped = (/by \(([^)]*)\)/.exec(expr)?.[1] ?? '')
    .split(', ')
    .filter((label) => label !== '' && label !== 'le');
  for (const label of [...asked, ...grouped]) expect(metric?.labels).toContain(label);
});

test('the alerts ask for what there is', () => {
  const alerts = readFileSync(new URL('../../../deploy/monitoring/alerts.yml', import.meta.url), 'utf8');
  const names = [...alerts.matchAll(/^ +expr: (.+)$/gm)].flatMap(
    ([, expr = '']) => expr.match(/\bgristmill_\w+/g) ?? [],
  );
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(metrics.get(name), name).toBeDefined();
});
