/** The two directions of a worker's stream, as the core sees them. */
import type { GristmillError } from '../shared/errors.js';
import type { CoordinatorMessage, WorkerMessage } from '../shared/protocol.js';

/** The way to a worker. */
export interface SessionPort {
  send(message: CoordinatorMessage): void;
  close(error?: GristmillError): void;
}

/** The way from a worker. */
export interface Session {
  receive(message: WorkerMessage): void;
  closed(): void;
}
