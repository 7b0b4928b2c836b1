/**
 * One request and its answer on the wire. The client that signs requests has no deadline, no AbortSignal and loses what the
 * server said of an error, so each request goes through here on its way to the socket (`transport` of the client), with
 * what belongs to it found by AsyncLocalStorage.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Clock } from '../../clock.js';
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { Refusal, Silence } from './reply.js';
import { parseXml, textOf } from './xml.js';

/** `request` of `node:http` or `node:https`, or what a test puts in its place. */
export type SendRequest = (options: RequestOptions) => ClientRequest;

export interface ExchangeOptions {
  readonly send: SendRequest;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

const current = new AsyncLocalStorage<Exchange>();

/** What the client takes for `http`. */
export const transport = {
  request(options: RequestOptions, onAnswer: (response: IncomingMessage) => void): ClientRequest {
    const exchange = current.getStore();
    if (exchange === undefined) throw new GristmillError('internal', 'a request to the store outside of a call');
    return exchange.start(options, onAnswer);
  },
};

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #beganMs: number;
  #request: ClientRequest | undefined;
  #wasSent = false;
  #reason: string | undefined;
  #received = 0;
  /** At the last look. */
  #moved = 0;
  #stillLooks = 0;
  #stopWatch = (): void => undefined;
  readonly #onAbort = (): void => this.#fail('the call was aborted');
  /** What the server said when it did not do it. */
  refusal: Refusal | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#beganMs = options.clock.monotonic();
  }

  get bytesReceived(): number {
    return this.#received;
  }

  /** Runs what makes the client send a request. */
  run<T>(call: () => Promise<T>): Promise<T> {
    return current.run(this, call);
  }

  start(options: RequestOptions, onAnswer: (response: IncomingMessage) => void): ClientRequest {
    const { send, signal } = this.#options;
    const request = send(options);
    this.#request = request;
    request.on('socket', (socket) => {
      if (!socket.connecting) this.#wasSent = true;
      else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => (this.#wasSent = true));
    });
    request.on('response', (response) => void this.#answered(request, response, onAnswer));
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
    this.#watch();
    return request;
  }

  /** The whole body; rejects when the connection breaks. */
  async collect(response: IncomingMessage, isHead: boolean): Promise<Uint8Array> {
    const length = isHead ? 0 : Number(response.headers['content-length'] ?? 0);
    const pieces: Buffer[] = [];
    let whole: Uint8Array | undefined = length > 0 ? new Uint8Array(Buffer.allocUnsafeSlow(length).buffer) : undefined;
    let filled = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      this.#received += piece.length;
      if (whole !== undefined && filled + piece.length <= length) whole.set(piece, filled);
      else pieces.push(piece);
      filled += piece.length;
    }
    if (whole === undefined) whole = new Uint8Array(Buffer.concat(pieces));
    if (!isHead && response.headers['content-length'] !== undefined && filled !== length) {
      throw Object.assign(new Error(`${filled} bytes came of ${length}`), { code: 'ECONNRESET' });
    }
    return whole;
  }

  /** What there is to say when no answer came. */
  silence(thrown: unknown): Silence {
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
    const code: unknown = 'code' in cause ? cause.code : undefined;
    const errno = typeof code === 'string' ? code : '';
    // The cause has the options of the request with it in places, and those are signed: only its message is kept.
    const kept = Object.assign(new Error(cause.message), { code: errno });
    return { kind: 'silence', wasSent: this.#wasSent, reason: this.#reason ?? cause.message, errno, cause: kept };
  }

  end(): void {
    this.#stopWatch();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  async #answered(request: ClientRequest, response: IncomingMessage, onAnswer: (response: IncomingMessage) => void) {
    const { statusCode: status = 0, headers } = response;
    if (status >= 200 && status < 300) {
      onAnswer(response);
      return;
    }
    // The client would give up on some of these before it reads what they say, and leave their sockets open.
    try {
      const text = await this.#refusalText(response);
      this.refusal = { kind: 'refusal', status, headers, ...sayingOf(headers, text) };
      request.emit('error', new Error(`the server answered ${status}`));
    } catch (thrown) {
      request.emit('error', thrown);
    }
  }

  async #refusalText(response: IncomingMessage): Promise<string> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes <= limits.s3RefusalBytesMax) pieces.push(piece);
    }
    this.#received += bytes;
    return Buffer.concat(pieces).toString();
  }

  /** Looks now and then whether bytes have moved since; two looks in a row that find none are a silence. */
  #watch(): void {
    const { clock } = this.#options;
    this.#stopWatch = clock.after(limits.s3SilenceMs / 2, () => {
      const moved = this.#received + (this.#request?.socket?.bytesWritten ?? 0);
      this.#stillLooks = moved === this.#moved ? this.#stillLooks + 1 : 0;
      this.#moved = moved;
      if (this.#stillLooks === 2) {
        this.#fail(`no byte moved for ${limits.s3SilenceMs / 1000} s`);
      } else if (clock.monotonic() - this.#beganMs > limits.s3RequestMsMax) {
        this.#fail(`one request took more than ${limits.s3RequestMsMax / 1000} s`);
      } else {
        this.#watch();
      }
    });
  }

  #fail(reason: string): void {
    this.#reason ??= reason;
    this.#request?.destroy(Object.assign(new Error(reason), { code: 'ETIMEDOUT' }));
  }
}

function sayingOf(headers: IncomingMessage['headers'], text: string): Pick<Refusal, 'code' | 'says' | 'isGarbled'> {
  const root = parseXml(text);
  const header = headers['x-minio-error-code'];
  const code = (root && textOf(root, 'Code')) ?? (typeof header === 'string' ? header : '');
  const says = (root && textOf(root, 'Message')) ?? '';
  const isS3 = headers['content-type']?.includes('xml') === true;
  return { code, says: says.slice(0, SAYS_MAX), isGarbled: isS3 && text !== '' && code === '' };
}

const SAYS_MAX = 300;
