/** The gRPC server: both services behind one guard, over TLS where that is given, and a shutdown that ends. */
import { Server, type ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import type { ServerTls } from '../../shared/config/tls.js';
import { limits } from '../../shared/limits.js';
import { cannotListen } from '../../shared/listening.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { JobService, WorkerService } from '../../shared/wire/load.js';
import type { AccessGuard } from '../access/guard.js';
import type { Leading } from '../leading.js';
import { AccessInterceptor } from './access-interceptor.js';
import { credentialsOf } from './credentials.js';
import { jobService } from './job-service.js';
import { workerService } from './worker-service.js';

export interface ServeOptions {
  readonly leading: Leading;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listen: string;
  readonly guard: AccessGuard;
  /** Absent: nothing is encrypted. */
  readonly tls?: ServerTls | undefined;
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
  'grpc.max_concurrent_streams': limits.callsPerConnectionMax,
};

/** Time for the last words of streams; then they are cut. */
const LAST_WORDS_MS = 250;

/** Listens from here on; calls are refused as `unavailable` until the core leads. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { leading, store, clock, log, listen, guard, tls } = options;
  const access = new AccessInterceptor(guard, log);
  guard.onChange(() => access.lookAgain());
  const server = new Server({ ...OPTIONS, interceptors: [access.intercept] });
  server.addService(JobService.service, jobService({ leading, store, clock, log }));
  server.addService(
    WorkerService.service,
    workerService({ leading, clock, log, needsCertificate: tls?.isMutual ?? false }),
  );
  const discovery = options.isDiscoverable ? (await import('./discovery.js')).addDiscovery(server) : undefined;
  const port = await bind(server, listen, credentialsOf(tls));
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

function bind(server: Server, listen: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, port) => {
      if (!error) resolve(port);
      else reject(cannotListen(listen, error));
    });
  });
}
