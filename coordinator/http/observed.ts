/** The one door to this folder: a coordinator whose doings are counted, and the port at which they are read. */
import type { Clock } from '../../shared/clock.js';
import type { S3Figures } from '../../shared/http/s3-figures.js';
import { serveHttp, type Page, type RunningHttp } from '../../shared/http/server.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { S3Store } from '../../shared/store/s3/s3-store.js';
import { isLoopback } from '../../shared/config/network.js';
import type { ServerTls } from '../../shared/config/tls.js';
import { GristmillError } from '../../shared/errors.js';
import type { AccessGuard } from '../access/guard.js';
import type { Coordinator } from '../core.js';
import { isLeader, type Phase } from '../leading.js';
import type { Observer } from '../observer.js';
import type { Outputs } from '../outputs.js';
import { countedStore } from './counted-store.js';
import { CoordinatorMetrics } from './metrics.js';

export interface Observed {
  readonly store: ObjectStore;
  readonly outputs: Outputs;
  readonly observer: Observer;
  serve(listen: string, phase: () => Phase, protection: Protection): Promise<RunningHttp>;
}

export interface Protection {
  readonly guard: AccessGuard;
  /** Absent: nothing is encrypted. */
  readonly tls: ServerTls | undefined;
}

export function observed(store: ObjectStore, outputs: Outputs, clock: Clock): Observed {
  const metrics = new CoordinatorMetrics();
  const count = (below: ObjectStore) => countedStore(below, clock, (call) => metrics.storeCalled(call));
  return {
    store: count(store),
    outputs: {
      ...outputs,
      storeFor(output) {
        const { store: below, prefix } = outputs.storeFor(output);
        return { store: count(below), prefix };
      },
    },
    observer: metrics,
    serve(listen, phase, { guard, tls }) {
      const isOpen = isLoopback(listen);
      const pages = {
        '/metrics': (authorization?: string) => {
          const refusal = isOpen ? undefined : refusalOf(guard, '/metrics', authorization);
          if (refusal) return refusal;
          return metricsOf(metrics, phase(), store instanceof S3Store ? store.endpoint : undefined);
        },
        '/healthz': () => healthOf(phase()),
      };
      return serveHttp(listen, pages, tls);
    },
  };
}

/** Undefined: whoever asks may see the page. */
function refusalOf(guard: AccessGuard, path: string, authorization: string | undefined): Page | undefined {
  try {
    guard.check(path, authorization);
    return undefined;
  } catch (thrown) {
    const { code, message } = GristmillError.from(thrown);
    return {
      status: code === 'unauthenticated' ? 401 : 403,
      contentType: 'text/plain; charset=utf-8',
      text: `${message}\n`,
    };
  }
}

/** Figures of nothing would look like those of an idle cluster: until it leads there are none. */
async function metricsOf(metrics: CoordinatorMetrics, phase: Phase, s3: S3Figures | undefined): Promise<Page> {
  if (!isLeader(phase)) {
    const text = phase === 'replaying' ? 'the journal is being replayed' : phase.waitsFor;
    return { status: 503, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
  }
  const text = await metrics.text(phase.figures(), phase.halted === undefined, s3);
  return { status: 200, contentType: metrics.contentType, text };
}

function healthOf(phase: Phase): Page {
  const health = isLeader(phase) ? healthOfLeader(phase) : healthBefore(phase);
  const isWell = health.status === 'leading';
  return { status: isWell ? 200 : 503, contentType: 'application/json', text: `${JSON.stringify(health)}\n` };
}

function healthBefore(phase: Exclude<Phase, Coordinator>) {
  return phase === 'replaying' ? { status: phase } : { status: 'waiting-for-store', reason: phase.waitsFor };
}

function healthOfLeader({ halted, epoch }: Coordinator) {
  return halted ? { status: 'halted', epoch, code: halted.code, reason: halted.message } : { status: 'leading', epoch };
}
