/**
 * What the world of gRPC expects of a server beside its own services: health (`grpc.health.v1.Health`), for whoever starts and
 * watches processes, and reflection, for tools that have no copy of the protocol. Loaded only by coordinators that stand.
 */
import type { Server, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { definition } from '../../shared/wire/load.js';
import { statusOf } from './status.js';
import type { TokenGuard } from './token.js';

/** Of the server as a whole, and of each service by its name. */
const NAMES = ['', 'gristmill.v1.JobService', 'gristmill.v1.WorkerService'];

export interface Discovery {
  /** It leads, and calls are answered; until then, and when it has halted, they are not. */
  serving(isServing: boolean): void;
}

/** Health is told to everybody, as it is over HTTP; what can be called is told to those who may call it. */
export function addDiscovery(server: Server, guard: TokenGuard): Discovery {
  const health = new HealthImplementation(Object.fromEntries(NAMES.map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  const reflection = new ReflectionService(definition);
  reflection.addToServer({
    addService: (service, implementation) => server.addService(service, guarded(implementation, guard)),
  });
  return {
    serving(isServing) {
      for (const name of NAMES) health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING');
    },
  };
}

/** Reflection has one call, a stream in both directions. */
function guarded(implementation: UntypedServiceImplementation, guard: TokenGuard): UntypedServiceImplementation {
  const calls = Object.entries(implementation).map(([name, answer]) => {
    const handler = (stream: ServerDuplexStream<unknown, unknown>) => {
      // Without a listener a disconnect would end the process.
      stream.on('error', () => undefined);
      try {
        guard.check(stream.metadata);
        (answer as (stream: ServerDuplexStream<unknown, unknown>) => void)(stream);
      } catch (thrown) {
        stream.emit('error', statusOf(thrown));
      }
    };
    return [name, handler] as const;
  });
  return Object.fromEntries(calls);
}
