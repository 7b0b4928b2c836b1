/** The one door to this folder: a coordinator whose doings are counted, and the port at which they are read. */
import type { Clock } from '../../shared/clock.js';
import { serveHttp, type Page, type RunningHttp } from '../../shared/http/server.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { S3Store } from '../../shared/store/s3/s3-store.js';
import type { Coordinator } from '../core.js';
import type { Observer } from '../observer.js';
import type { Outputs } from '../outputs.js';
import { countedStore } from './counted-store.js';
import { CoordinatorMetrics } from './metrics.js';

export interface Observed {
  readonly store: ObjectStore;
  readonly outputs: Outputs;
  readonly observer: Observer;
  /** `core` is undefined until it leads: whoever asks before that is told that it replays. */
  serve(listen: string, core: () => Coordinator | undefined): Promise<RunningHttp>;
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
    serve: (listen, core) =>
      serveHttp(listen, {
        '/metrics': () => {
          if (store instanceof S3Store) metrics.lookAtS3(store.endpoint);
          return metricsOf(metrics, core());
        },
        '/healthz': () => healthOf(core()),
      }),
  };
}

/** Figures of nothing would look like those of an idle cluster: until it leads there are none. */
async function metricsOf(metrics: CoordinatorMetrics, core: Coordinator | undefined): Promise<Page> {
  if (!core) return { status: 503, contentType: 'text/plain; charset=utf-8', text: 'the journal is being replayed\n' };
  const text = await metrics.text(core.figures(), core.halted === undefined);
  return { status: 200, contentType: metrics.contentType, text };
}

function healthOf(core: Coordinator | undefined): Page {
  const health = core ? healthOfLeader(core) : { status: 'replaying' };
  const isWell = health.status === 'leading';
  return { status: isWell ? 200 : 503, contentType: 'application/json', text: `${JSON.stringify(health)}\n` };
}

function healthOfLeader({ halted, epoch }: Coordinator) {
  return halted ? { status: 'halted', epoch, code: halted.code, reason: halted.message } : { status: 'leading', epoch };
}
