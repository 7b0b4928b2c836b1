/** The gRPC server: both services, every call guarded by the token, and a shutdown that ends. */
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import { limits } from '../../shared/limits.js';
import { cannotListen } from '../../shared/listening.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { JobService, WorkerService } from '../../shared/wire/load.js';
import type { Coordinator } from '../core.js';
import { jobService } from './job-service.js';
import { TokenGuard } from './token.js';
import { workerService } from './worker-service.js';

export interface ServeOptions {
  readonly core: Coordinator;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listen: string;
  readonly token: string;
}

export interface RunningServer {
  readonly address: string;
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

export async function serve({ core, store, clock, log, listen, token }: ServeOptions): Promise<RunningServer> {
  const server = new Server(OPTIONS);
  const guard = new TokenGuard(token);
  server.addService(JobService.service, jobService({ core, store, guard }));
  server.addService(WorkerService.service, workerService({ core, guard, log }));
  const port = await bind(server, listen);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
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
