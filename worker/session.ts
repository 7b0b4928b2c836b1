/**
 * The worker's end of its session with a coordinator: one bidirectional stream, opened again when it breaks.
 *
 * A broken stream is not a dead worker: it registers again with the same incarnation and what it is running. What is to
 * be said waits in a queue while the stream is full. Nothing waits while it is broken: the agent keeps its reports and says
 * them again after each registration. Progress never waits, so that it cannot crowd out what must be said.
 */
import { Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../shared/clock.js';
import type { ClientContext, ClientTls } from '../shared/config/tls.js';
import { GristmillError, isErrorCode, type ErrorCode } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import type { CoordinatorMessage, Registration, WorkerMessage } from '../shared/protocol.js';
import { coordinatorMessageFromWire, workerMessageToWire } from '../shared/wire/convert.js';
import { connectionError, channelTo } from '../shared/wire/credentials.js';
import { WorkerService } from '../shared/wire/load.js';
import type { CoordinatorMessage__Output } from '../proto/generated/gristmill/v1/CoordinatorMessage.js';
import type { WorkerMessage as WireWorkerMessage } from '../proto/generated/gristmill/v1/WorkerMessage.js';

export interface SessionOptions {
  readonly coordinator: string;
  readonly token: string;
  /** Absent: nothing is encrypted. */
  readonly tls?: ClientTls | undefined;
  readonly clock: Clock;
  readonly registration: () => Registration;
  readonly onMessage: (message: CoordinatorMessage) => void;
  /** The registered stream is broken; it comes back by itself. */
  readonly onDetached: () => void;
  /** The coordinator refuses this worker; there is no point in trying again. */
  readonly onRefused: (error: GristmillError) => void;
  /** The stream broke, or none came about; it is tried again. */
  readonly onBroken?: ((error: GristmillError) => void) | undefined;
}

type Stream = ClientDuplexStream<WireWorkerMessage, CoordinatorMessage__Output>;

const REFUSALS: ReadonlyMap<number, ErrorCode> = new Map([
  [status.UNAUTHENTICATED, 'unauthenticated'],
  [status.PERMISSION_DENIED, 'permission-denied'],
  [status.FAILED_PRECONDITION, 'protocol-mismatch'],
  [status.INVALID_ARGUMENT, 'protocol-mismatch'],
  [status.UNIMPLEMENTED, 'protocol-mismatch'],
  [status.ALREADY_EXISTS, 'worker-name-taken'],
]);

export class Session {
  private readonly options: SessionOptions;
  private client: InstanceType<typeof WorkerService>;
  /** What the client was made with. */
  private context: ClientContext | undefined;
  private readonly metadata = new Metadata();
  private stream: Stream | undefined;
  private attached = false;
  private writable = false;
  private queue: WorkerMessage[] = [];
  private reconnectMs: number = limits.reconnectMsMin;
  /** As the coordinator says; until it has, as by default. */
  private renewMs: number = limits.leaseRenewMs;
  private cancelTimer: () => void = () => undefined;
  private closed = false;

  constructor(options: SessionOptions) {
    this.options = options;
    this.metadata.set('authorization', `Bearer ${options.token}`);
    this.context = options.tls?.current();
    this.client = this.newClient();
    this.connect();
    this.renew();
  }

  private newClient(): InstanceType<typeof WorkerService> {
    const { credentials, options } = channelTo(this.options.coordinator, this.context);
    return new WorkerService(this.options.coordinator, credentials, {
      ...options,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      'grpc.enable_retries': 0,
      // Workers reach their coordinator directly: a proxy for the web is not meant for them.
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': limits.reconnectMsMin,
      'grpc.max_reconnect_backoff_ms': limits.reconnectMsMax,
      'grpc.max_receive_message_length': limits.messageBytesMax,
      'grpc.max_send_message_length': limits.messageBytesMax,
    });
  }

  /** A certificate that was replaced meanwhile is shown from now on. */
  private useNewCertificate(): void {
    const context = this.options.tls?.current();
    if (context === this.context) return;
    this.context = context;
    this.client.close();
    this.client = this.newClient();
  }

  /** Dropped without a registered stream; progress also while the stream is full. */
  send(message: WorkerMessage): void {
    if (!this.attached || (message.progress && !this.writable)) return;
    this.queue.push(message);
    this.flush();
  }

  close(): void {
    this.closed = true;
    this.cancelTimer();
    this.stream?.end();
    this.stream?.cancel();
    this.client.close();
  }

  private connect(): void {
    this.useNewCertificate();
    const stream: Stream = this.client.session(this.metadata);
    this.stream = stream;
    stream.on('data', (wire: CoordinatorMessage__Output) => {
      if (stream === this.stream) this.receive(wire);
    });
    stream.on('drain', () => {
      this.writable = true;
      this.flush();
    });
    stream.on('error', (error: ServiceError) => this.broken(stream, error));
    stream.on('end', () => this.broken(stream, undefined));
    this.writable = stream.write(workerMessageToWire({ register: this.options.registration() }));
  }

  private receive(wire: CoordinatorMessage__Output): void {
    let message: CoordinatorMessage;
    try {
      message = coordinatorMessageFromWire(wire);
    } catch (error) {
      this.options.onRefused(GristmillError.from(error));
      return;
    }
    if (message.registered) {
      this.attached = true;
      this.reconnectMs = limits.reconnectMsMin;
      this.renewEvery(message.registered.leaseRenewMs);
    }
    this.options.onMessage(message);
  }

  private broken(stream: Stream, error: ServiceError | undefined): void {
    if (stream !== this.stream || this.closed) return;
    this.stream = undefined;
    if (this.attached) this.options.onDetached();
    this.attached = false;
    this.writable = false;
    this.queue = [];
    const code = error && refusalIn(error);
    if (error && code !== undefined) {
      this.options.onRefused(
        new GristmillError(
          code,
          `the coordinator at ${this.options.coordinator} refuses this worker: ${error.details}`,
        ),
      );
      return;
    }
    if (error) this.options.onBroken?.(this.reason(error));
    const waitMs = this.reconnectMs;
    this.reconnectMs = Math.min(2 * waitMs, limits.reconnectMsMax);
    this.options.clock.after(waitMs, () => {
      if (!this.closed) this.connect();
    });
  }

  private reason({ details }: ServiceError): GristmillError {
    return connectionError(this.options.coordinator, details, this.context !== undefined);
  }

  private renewEvery(ms: number): void {
    if (ms <= 0 || ms === this.renewMs) return;
    this.renewMs = ms;
    this.cancelTimer();
    this.renew();
  }

  private renew(): void {
    this.cancelTimer = this.options.clock.after(this.renewMs, () => {
      if (this.attached && this.writable) this.send({ renewLease: true });
      this.renew();
    });
  }

  private flush(): void {
    while (this.attached && this.writable && this.stream) {
      const message = this.queue.shift();
      if (!message) return;
      this.writable = this.stream.write(workerMessageToWire(message));
    }
  }
}

/** Undefined: it may be tried again. A status that says it is refused may have come with a code that says more. */
function refusalIn(error: ServiceError): ErrorCode | undefined {
  const byStatus = REFUSALS.get(error.code);
  const [given] = error.metadata.get('gristmill-code');
  return byStatus !== undefined && typeof given === 'string' && isErrorCode(given) ? given : byStatus;
}
