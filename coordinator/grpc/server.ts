/** The gRPC server: both services, every call guarded by the token, and a shutdown that ends. */
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import { limits } from '../../shared/limits.js';
import { cannotListen } from '../../shared/listening.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { JobService, WorkerService } from '../../shared/wire/load.js';
import type { Leading } from '../leading.js';
import { jobService } from './job-service.js';
import { TokenGuard } from './token.js';
import { workerService } from './worker-service.js';

export interface ServeOptions {
  readonly leading: Leading;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listen: string;
  readonly token: string;
  /** Serves health and reflection too. */
  readonly isDiscoverable: boolean;
}

export interface RunningServer {
  readonly address: string;
  /** What its health says. */
  serving(isServing: boolean): void;
  close(): Promise<void>;
}

const OPTIONS: ServerOptions = {
  'grpc.max_receive_message_length': limits.messageBytesMax,
  'grpc.max_send_message_length': limits.messageBytesMax,
  'grpc.keepalive_time_ms': limits.keepaliveMs,
  'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
};

/** Time for the last words of streams; then they are cut. */
const LAST_WORDS_MS = 250;

/** Listens from here on; calls are refused as `unavailable` until the core leads. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { leading, store, clock, log, listen, token } = options;
  const server = new Server(OPTIONS);
  const guard = new TokenGuard(token);
  server.addService(JobService.service, jobService({ leading, store, guard }));
  server.addService(WorkerService.service, workerService({ leading, guard, log }));
  const discovery = options.isDiscoverable ? (await import('./discovery.js')).addDiscovery(server, guard) : undefined;
  const port = await bind(server, listen);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
    serving: (isServing) => discovery?.serving(isServing),
    // tryShutdown never ends while a stream is open, so it has a limit.
    close: () =>
      new Promise((resolve) => {
        const cancel = clock.after(LAST_WORDS_MS, () => {
          server.forceShutdown();
          resolve();
        });
        server.tryShutdown(() => {
          cancel();
          resolve();
        });
      }),
  };
}

function bind(server: Server, listen: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, port) => {
      if (!error) resolve(port);
      else reject(cannotListen(listen, error));
    });
  });
}
