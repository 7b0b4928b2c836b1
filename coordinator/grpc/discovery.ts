/**
 * What the world of gRPC expects of a server beside its own services: health (`grpc.health.v1.Health`), for whoever starts and
 * watches processes, and reflection, for tools that have no copy of the protocol. Loaded only by coordinators that stand.
 */
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { definition } from '../../shared/wire/load.js';

/** Of the server as a whole, and of each service by its name. */
const NAMES = ['', 'gristmill.v1.JobService', 'gristmill.v1.WorkerService'];

export interface Discovery {
  /** It leads, and calls are answered; until then, and when it has halted, they are not. */
  serving(isServing: boolean): void;
}

/** Health is told to everybody, as it is over HTTP, and reflection to those who may read: the guard before all services sees to it. */
export function addDiscovery(server: Server): Discovery {
  const health = new HealthImplementation(Object.fromEntries(NAMES.map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  new ReflectionService(definition).addToServer(server);
  return {
    serving(isServing) {
      for (const name of NAMES) health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING');
    },
  };
}
