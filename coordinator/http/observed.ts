/** The one door to this folder: a coordinator whose doings are counted, and the port at which they are read. */
import type { Clock } from '../../shared/clock.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { S3Store } from '../../shared/store/s3/s3-store.js';
import type { Coordinator } from '../core.js';
import type { Observer } from '../observer.js';
import type { Outputs } from '../outputs.js';
import { countedStore } from './counted-store.js';
import { CoordinatorMetrics } from './metrics.js';
import { serveHttp, type RunningHttp } from './server.js';

export interface Observed {
  readonly store: ObjectStore;
  readonly outputs: Outputs;
  readonly observer: Observer;
  serve(listen: string, core: Coordinator): Promise<RunningHttp>;
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
        '/metrics': async () => {
          if (store instanceof S3Store) metrics.lookAtS3(store.endpoint);
          const text = await metrics.text(core.figures(), core.halted === undefined);
          return { status: 200, contentType: metrics.contentType, text };
        },
        '/healthz': () => healthOf(core),
      }),
  };
}

function healthOf({ halted, epoch }: Coordinator) {
  const health = halted
    ? { status: 'halted', epoch, code: halted.code, reason: halted.message }
    : { status: 'leading', epoch };
  return { status: halted ? 503 : 200, contentType: 'application/json', text: `${JSON.stringify(health)}\n` };
}
