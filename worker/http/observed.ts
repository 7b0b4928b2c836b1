/**
 * The one door to this folder: what a worker does is counted, and the port at which that and its health are read. A worker knows
 * one token, its own, so it cannot tell who may read: what other machines can reach is its health alone.
 */
import { isLoopback } from '../../shared/config/network.js';
import type { ServerTls } from '../../shared/config/tls.js';
import { serveHttp, type Page, type RunningHttp } from '../../shared/http/server.js';
import type { Agent } from '../agent.js';
import type { WorkerHealth } from '../health.js';
import type { WorkerObserver } from '../observer.js';
import { WorkerMetrics } from './metrics.js';

export interface ObservedWorker {
  readonly observer: WorkerObserver;
  /** `agent` is undefined until there is one: whoever asks before that is told that it starts. Without `tls` nothing is encrypted. */
  serve(listen: string, agent: () => Agent | undefined, tls?: ServerTls): Promise<RunningHttp>;
}

export function observedWorker(): ObservedWorker {
  const metrics = new WorkerMetrics();
  return {
    observer: metrics,
    serve(listen, agent, tls) {
      const isHere = isLoopback(listen);
      const pages = {
        '/metrics': () => (isHere ? metricsOf(metrics, agent()) : KEPT_HERE),
        '/healthz': () => healthPage(agent()?.health),
      };
      return serveHttp(listen, pages, tls);
    },
  };
}

const KEPT_HERE: Page = {
  status: 403,
  contentType: 'text/plain; charset=utf-8',
  text: 'a worker tells its metrics to its own machine alone, at an --http such as 127.0.0.1:7072; the coordinator counts for all\n',
};

async function metricsOf(metrics: WorkerMetrics, agent: Agent | undefined): Promise<Page> {
  if (!agent) return { status: 503, contentType: 'text/plain; charset=utf-8', text: 'the worker is starting\n' };
  const text = await metrics.text(agent.figures, agent.health.status === 'ready', agent.s3);
  return { status: 200, contentType: metrics.contentType, text };
}

function healthPage(health: WorkerHealth | undefined): Page {
  const told = health ? toldOf(health) : { status: 'starting' };
  const status = told.status === 'ready' ? 200 : 503;
  return { status, contentType: 'application/json', text: `${JSON.stringify(told)}\n` };
}

function toldOf(health: WorkerHealth): { readonly status: string } & Readonly<Record<string, unknown>> {
  switch (health.status) {
    case 'connecting':
    case 'ready':
    case 'cut-off': {
      const { status, coordinator, sinceMs } = health;
      return { status, coordinator, since: new Date(sinceMs).toISOString() };
    }
    case 'draining':
      return health;
    case 'refused':
      return { status: health.status, code: health.error.code, reason: health.error.message };
  }
}
