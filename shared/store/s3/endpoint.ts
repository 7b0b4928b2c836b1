/**
 * One S3 server as one account: its connections, how many requests run at a time, its circuit breaker and its counters.
 * Stores of one process share it. A request is repeated here until the server has said what there is to say; what that
 * means for an object is the store's to know.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Client } from 'minio';
import { delay, stayAlive, systemClock, type Clock } from '../../clock.js';
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import { throwIfAborted } from '../signal.js';
import { checkAccess, type S3Access, type S3Address } from './access.js';
import { Breaker } from './breaker.js';
import { S3Counters, type S3Operation, type S3RequestTold } from './counters.js';
import { Exchange, transport, type SendRequest } from './exchange.js';
import { ReadAheadBudget } from './read-ahead.js';
import { isAway, outcomeOf, type Answer, type Refusal, type Reply } from './reply.js';
import { certificateError, noAnswer } from './s3-errors.js';
import { Slots } from './slots.js';

export interface S3Request {
  readonly operation: S3Operation;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  /** Of the bucket; absent: the request is about the bucket. */
  readonly key?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** It changes something, so that a lost answer leaves its outcome unknown. */
  readonly changes: boolean;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a server that is away. */
  readonly patienceMs?: number;
}

export interface Settled {
  readonly reply: Answer | Refusal;
  /** An earlier request of this call got no answer: it may have taken effect, or may yet. */
  readonly mayHaveLanded: boolean;
}

export interface S3EndpointOptions {
  readonly access: S3Access;
  readonly clock?: Clock;
  /** In [0, 1): spreads waits. */
  readonly random?: () => number;
  /** Repetitions of a request; default `storeRetriesMax`. */
  readonly retriesMax?: number;
  /** How long a call waits for a server that is away; default `s3PatienceMs`. */
  readonly patienceMs?: number;
  /** Told of every request that was sent. */
  readonly onRequest?: (told: S3RequestTold) => void;
  /** In the place of Node's, for tests that break connections. */
  readonly send?: SendRequest;
}

interface Connection {
  readonly client: Client;
  readonly agent: HttpAgent;
}

export class S3Endpoint {
  /** `http(s)://host:port`, for messages. */
  readonly name: string;
  readonly clock: Clock;
  readonly counters = new S3Counters();
  readonly readAhead = new ReadAheadBudget(limits.s3ReadAheadBytesMax);
  readonly #options: S3EndpointOptions;
  readonly #address: S3Address;
  readonly #random: () => number;
  readonly #slots = new Slots(limits.s3RequestsMax);
  readonly #breaker: Breaker;
  #connection: Promise<Connection> | undefined;

  /** Does no I/O. */
  constructor(options: S3EndpointOptions) {
    this.#options = options;
    this.#address = checkAccess(options.access);
    const { host, port, isEncrypted } = this.#address;
    this.name = `${isEncrypted ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.clock = options.clock ?? systemClock;
    this.#random = options.random ?? (() => randomBytes(4).readUInt32LE() / 2 ** 32);
    this.#breaker = new Breaker(this.clock, this.#random);
  }

  /** Names that no other writer gives. */
  newName(): string {
    return randomBytes(8).toString('hex');
  }

  get region(): string {
    return this.#options.access.region;
  }

  /** False while calls wait because the server does not answer. */
  get isAnswering(): boolean {
    return this.#breaker.isClosed;
  }

  /**
   * Sends a request, again and again as far as that may help. Throws `store-unavailable` when nothing happened and
   * `store-timeout` when that is unknown, `store-denied` where no certificate is trusted, `aborted`.
   */
  async ask(request: S3Request, options: AskOptions = {}): Promise<Settled> {
    const { retriesMax = limits.storeRetriesMax, patienceMs: patience = limits.s3PatienceMs } = this.#options;
    const { signal, patienceMs = patience } = options;
    let deadlineMs = this.clock.monotonic() + patienceMs;
    let mayHaveLanded = false;
    let last: Reply | undefined;
    for (let tries = 0, sent = 0; ; sent++) {
      throwIfAborted(signal);
      const pass = await this.#wait(signal, () => this.#breaker.pass(deadlineMs, signal));
      if (pass === 'late') throw noAnswer(this, request, last, mayHaveLanded);
      const reply = await this.#once(request, signal, sent > 0).catch((thrown: unknown) => {
        if (pass === 'tries') this.#breaker.gaveUp();
        throw thrown;
      });
      if (isAway(reply)) this.#breaker.failed();
      else this.#breaker.succeeded();
      // The time in which a server that is away was taken for slow is not waiting for it.
      if (sent === 0) deadlineMs = this.clock.monotonic() + patienceMs;
      if (reply.kind === 'silence') {
        const denied = certificateError(this, reply);
        if (denied !== undefined) throw denied;
      }
      const outcome = outcomeOf(reply);
      if (outcome === 'settled' && reply.kind !== 'silence') return { reply, mayHaveLanded };
      if (outcome === 'unknown') mayHaveLanded = true;
      last = reply;
      // Whoever finds out for all whether the server is back does not spend its own tries on that.
      if (pass === 'goes') tries += 1;
      const isOver = tries > retriesMax || this.clock.monotonic() >= deadlineMs;
      if (isOver) throw noAnswer(this, request, last, mayHaveLanded);
      if (this.#breaker.isClosed) await this.backOff(tries, signal);
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    connection?.agent.destroy();
  }

  async #once(request: S3Request, signal: AbortSignal | undefined, isRetry: boolean): Promise<Reply> {
    const { client } = await this.#connected();
    const release = await this.#slots.take(signal);
    const beganMs = this.clock.monotonic();
    const send = this.#options.send ?? this.#send();
    const exchange = new Exchange({ send, clock: this.clock, signal });
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : bufferOver(request.body);
    let outcome: S3RequestTold['outcome'] = 'aborted';
    try {
      const reply = await this.#exchange(client, exchange, request, body);
      if (reply.kind === 'silence') throwIfAborted(signal);
      outcome = told(reply);
      return reply;
    } finally {
      exchange.end();
      release();
      const seconds = (this.clock.monotonic() - beganMs) / 1000;
      const bytes = { bytesOut: body?.length ?? 0, bytesIn: exchange.bytesReceived };
      const about: S3RequestTold = { operation: request.operation, seconds, ...bytes, isRetry, outcome };
      this.counters.add(about);
      this.#options.onRequest?.(about);
    }
  }

  async #exchange(client: Client, exchange: Exchange, request: S3Request, body: Buffer | undefined): Promise<Reply> {
    const { method, bucket, key, query, headers } = request;
    const options = {
      method,
      ...(bucket !== '' && { bucketName: bucket }),
      ...(key !== undefined && { objectName: key }),
      ...(query !== undefined && { query }),
      headers: { ...headers },
    };
    try {
      return await exchange.run(async () => {
        const response = await client.makeRequestAsync(options, body ?? '', SUCCESSES, this.region);
        const collected = await exchange.collect(response, method === 'HEAD');
        const { statusCode: status = 0 } = response;
        return { kind: 'answer', status, headers: response.headers, body: collected };
      });
    } catch (thrown) {
      if (thrown instanceof GristmillError) throw thrown;
      return exchange.refusal ?? exchange.silence(thrown);
    }
  }

  #send(): SendRequest {
    return this.#address.isEncrypted ? httpsRequest : httpRequest;
  }

  #connected(): Promise<Connection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** Loaded only where there is an S3 store: commands without one start sooner. */
  async #connect(): Promise<Connection> {
    const { accessKey, secretKey, sessionToken, region, caFile } = this.#options.access;
    const { host, port, isEncrypted } = this.#address;
    const options = { keepAlive: true, maxFreeSockets: limits.s3RequestsMax };
    const agent = isEncrypted
      ? new HttpsAgent({ ...options, ...(caFile !== undefined && { ca: readAuthority(caFile) }) })
      : new HttpAgent(options);
    const { Client } = await import('minio');
    try {
      const client = new Client({
        endPoint: host,
        port,
        useSSL: isEncrypted,
        accessKey,
        secretKey,
        ...(sessionToken !== undefined && { sessionToken }),
        region,
        transport: transport as never,
        transportAgent: agent,
        retryOptions: { disableRetry: true },
      });
      return { client, agent };
    } catch (cause) {
      // What it refuses is in its message, and that is the host: no key.
      throw new GristmillError('config-invalid', `cannot use the S3 endpoint ${this.name}`, { cause });
    }
  }

  /** Waits before the next try, the longer the more there were. */
  async backOff(tries: number, signal: AbortSignal | undefined): Promise<void> {
    const backoffMs = Math.min(limits.storeBackoffMs * 2 ** (tries - 1), limits.attemptBackoffMsMax);
    await this.pause(backoffMs * (0.5 + this.#random() / 2), signal);
  }

  async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#wait(signal, () => delay(this.clock, ms, signal));
  }

  /** Waits in a process that may have nothing else to keep it alive. */
  async #wait<T>(signal: AbortSignal | undefined, wait: () => Promise<T>): Promise<T> {
    const letGo = stayAlive();
    try {
      return await wait();
    } catch (thrown) {
      throwIfAborted(signal);
      throw thrown;
    } finally {
      letGo();
    }
  }
}

const SUCCESSES = [200, 201, 202, 204, 206];

function told(reply: Reply): S3RequestTold['outcome'] {
  if (reply.kind === 'answer') return 'ok';
  if (reply.kind === 'silence') return 'silent';
  return outcomeOf(reply) === 'settled' ? 'refused' : 'busy';
}

function bufferOver(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('config-invalid', `cannot read the certificates for the S3 endpoint: ${why}`, { cause });
  }
}
