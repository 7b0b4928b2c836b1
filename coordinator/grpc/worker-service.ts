/**
 * A worker's session as a stream. The first message registers; what comes is validated; what goes waits in a bounded
 * queue while the stream is full. A worker that does not read loses its stream, and re-attaches.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { WorkerMessage__Output } from '../../proto/generated/gristmill/v1/WorkerMessage.js';
import type { CoordinatorMessage as WireMessage } from '../../proto/generated/gristmill/v1/CoordinatorMessage.js';
import type { WorkerServiceHandlers } from '../../proto/generated/gristmill/v1/WorkerService.js';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { CoordinatorMessage } from '../../shared/protocol.js';
import { coordinatorMessageToWire, workerMessageFromWire } from '../../shared/wire/convert.js';
import type { Coordinator } from '../core.js';
import type { Session, SessionPort } from '../core-ports.js';
import type { Leading } from '../leading.js';
import { statusOf } from './status.js';
import { checkWorkerName } from './worker-certificate.js';

type Stream = ServerDuplexStream<WorkerMessage__Output, WireMessage>;

export interface WorkerServiceOptions {
  readonly leading: Leading;
  readonly clock: Clock;
  readonly log: Logger;
  /** Each worker is to come with a certificate that is for its name. */
  readonly needsCertificate: boolean;
}

export function workerService({ leading, clock, log, needsCertificate }: WorkerServiceOptions): WorkerServiceHandlers {
  return {
    Session(stream: Stream) {
      // Without a listener a disconnect would end the process.
      stream.on('error', (error) => log.debug({ error: error.message }, 'a worker stream broke'));
      const checkName = (worker: string) => {
        if (needsCertificate) checkWorkerName(worker, stream.getAuthContext().sslPeerCertificate, clock);
      };
      try {
        new WorkerStream(leading.core, stream, checkName).listen();
      } catch (thrown) {
        stream.emit('error', statusOf(thrown));
      }
    },
  };
}

class WorkerStream implements SessionPort {
  readonly #core: Coordinator;
  readonly #stream: Stream;
  readonly #checkName: (worker: string) => void;
  readonly #queue: CoordinatorMessage[] = [];
  #session: Session | undefined;
  #isFull = false;
  #isClosed = false;

  /** `checkName`: throws for a worker that is not who it says. */
  constructor(core: Coordinator, stream: Stream, checkName: (worker: string) => void) {
    this.#core = core;
    this.#stream = stream;
    this.#checkName = checkName;
  }

  listen(): void {
    this.#stream.on('data', (wire: WorkerMessage__Output) => this.#receive(wire));
    this.#stream.on('drain', () => {
      this.#isFull = false;
      this.#flush();
    });
    this.#stream.on('end', () => this.close());
    this.#stream.on('cancelled', () => this.#gone());
    this.#stream.on('close', () => this.#gone());
  }

  send(message: CoordinatorMessage): void {
    this.#queue.push(message);
    this.#flush();
    if (this.#queue.length > limits.batchItemsMax) {
      this.close(new GristmillError('unavailable', 'the worker does not read its messages'));
    }
  }

  close(error?: GristmillError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (error) this.#stream.emit('error', statusOf(error));
    else this.#stream.end();
    this.#session?.closed();
  }

  #receive(wire: WorkerMessage__Output): void {
    if (this.#isClosed) return;
    try {
      const message = workerMessageFromWire(wire);
      if (this.#session) {
        this.#session.receive(message);
      } else if (message.register) {
        this.#checkName(message.register.worker);
        this.#session = this.#core.openSession(message.register, this);
      } else {
        throw new GristmillError('invalid-request', 'refused a message: the first of a session is register');
      }
    } catch (thrown) {
      this.close(GristmillError.from(thrown));
    }
  }

  #flush(): void {
    while (!this.#isFull && !this.#isClosed) {
      const message = this.#queue.shift();
      if (!message) return;
      this.#isFull = !this.#stream.write(coordinatorMessageToWire(message));
    }
  }

  #gone(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#session?.closed();
  }
}
