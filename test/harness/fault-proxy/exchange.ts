/** One request and its answer on their way through a proxy, whole or with one of the faults of plan.ts. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { finished, pipeline } from 'node:stream/promises';
import type { Fate, Fault } from './plan.js';
import type { Held } from './held.js';
import type { S3Request } from './s3-request.js';
import type { Tally } from './tally.js';
import { answerTo, endToEnd, type Upstream } from './upstream.js';

export interface ExchangePorts {
  readonly upstream: Upstream;
  readonly tally: Tally;
  readonly held: Held;
}

type Count = ReturnType<Tally['request']>;

export class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Of the client; a request that has broken off does not know it any more. */
  readonly #socket: Socket;
  readonly #ports: ExchangePorts;
  readonly #count: Count;
  /** What the server is asked at the moment: it ends when the client leaves. */
  #outgoing: ClientRequest | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, described: S3Request, ports: ExchangePorts) {
    this.#request = request;
    this.#response = response;
    this.#socket = request.socket;
    this.#ports = ports;
    this.#count = ports.tally.request(described);
    response.on('close', () => {
      if (!response.writableFinished) this.#outgoing?.destroy();
    });
  }

  /** Resolves when nothing more is to be done for it; never rejects. `onStrike`: the fault is there to be seen. */
  async run(fault: Fate['fault'], onStrike: () => void): Promise<void> {
    try {
      if (fault?.kind === 'late') {
        await this.#late(fault, onStrike);
        return;
      }
      onStrike();
      await this.#carry(fault);
    } catch {
      // Client or server has broken off: neither side is told more than that.
      if (!this.#isDeserted) this.#ports.tally.unreached();
      this.#drop();
    }
  }

  get #isDeserted(): boolean {
    return this.#response.destroyed;
  }

  #carry(fault: Exclude<Fate['fault'], { readonly kind: 'late' }>): Promise<void> {
    switch (fault?.kind) {
      case undefined:
        return this.#relay();
      case 'drop-before':
        this.#drop();
        return Promise.resolve();
      case 'drop-in-request':
        return this.#dropInRequest();
      case 'drop-after-request':
        return this.#dropAfterRequest();
      case 'lose-answer':
        return this.#loseAnswer();
      case 'drop-in-answer':
        return this.#dropInAnswer();
      case 'truncate':
        return this.#truncate();
      case 'answer':
        return this.#answer(fault.status, fault.code);
      case 'error-in-200':
        return this.#errorIn200(fault);
    }
  }

  async #relay(): Promise<void> {
    const answer = await this.#ask();
    this.#head(answer);
    answer.on('data', (piece: Buffer) => (this.#count.bytesReceived += piece.length));
    await pipeline(answer, this.#response);
  }

  /** The server's answer, whose body is still to be read. A server may answer before it has the whole body. */
  async #ask(): Promise<IncomingMessage> {
    const outgoing = this.#open();
    const sending = pipeline(this.#request, outgoing);
    this.#countSent();
    sending.catch(() => undefined);
    const answer = await answerTo(outgoing);
    this.#ports.tally.status(answer.statusCode ?? 0);
    return answer;
  }

  async #askWhole(): Promise<{ readonly answer: IncomingMessage; readonly body: Buffer }> {
    const answer = await this.#ask();
    return { answer, body: await buffer(answer) };
  }

  #open(): ClientRequest {
    return (this.#outgoing = this.#ports.upstream.open(this.#request));
  }

  #countSent(): void {
    this.#request.on('data', (piece: Buffer) => (this.#count.bytesSent += piece.length));
  }

  /** `length`: said in the place of the server's. */
  #head({ statusCode = 502, statusMessage = '', rawHeaders }: IncomingMessage, length?: number): void {
    const headers =
      length === undefined
        ? endToEnd(rawHeaders)
        : [...endToEnd(rawHeaders, 'content-length'), 'Content-Length', String(length)];
    this.#response.writeHead(statusCode, statusMessage, headers);
  }

  #drop(): void {
    this.#outgoing?.destroy();
    this.#socket.destroy();
  }

  async #dropInRequest(): Promise<void> {
    const half = Math.floor(Number(this.#request.headers['content-length'] ?? 0) / 2);
    if (half > 0) {
      const outgoing = this.#open();
      outgoing.on('error', () => undefined);
      this.#countSent();
      await writeUpTo(half, this.#request, outgoing);
    }
    this.#drop();
  }

  async #dropAfterRequest(): Promise<void> {
    const outgoing = this.#open();
    const answered = answerTo(outgoing).then((answer) => buffer(answer));
    answered.catch(() => undefined);
    this.#countSent();
    await pipeline(this.#request, outgoing);
    // Only the client's side breaks: the server may finish what it does.
    this.#outgoing = undefined;
    this.#socket.destroy();
    await answered;
  }

  async #loseAnswer(): Promise<void> {
    await this.#askWhole();
    this.#drop();
  }

  async #dropInAnswer(): Promise<void> {
    const { answer, body } = await this.#askWhole();
    if (body.length > 1) {
      this.#head(answer);
      const half = body.subarray(0, body.length >> 1);
      this.#count.bytesReceived += half.length;
      await new Promise<void>((resolve) => this.#response.write(half, () => resolve()));
    }
    this.#drop();
  }

  async #truncate(): Promise<void> {
    const { answer, body } = await this.#askWhole();
    const half = body.subarray(0, body.length >> 1);
    this.#count.bytesReceived += half.length;
    // A HEAD has no body, and its length is that of the object.
    if (this.#request.method === 'HEAD') this.#head(answer);
    else this.#head(answer, half.length);
    await this.#end(half);
  }

  async #end(body: Buffer | string): Promise<void> {
    this.#response.end(body);
    await finished(this.#response);
  }

  async #answer(status: number, code: string): Promise<void> {
    this.#countSent();
    await buffer(this.#request);
    const body = errorDocument(code);
    this.#response.writeHead(status, { 'Content-Type': 'application/xml', 'Content-Length': Buffer.byteLength(body) });
    await this.#end(body);
  }

  async #errorIn200({ code, tookEffect }: Extract<Fault, { readonly kind: 'error-in-200' }>): Promise<void> {
    if (tookEffect) await this.#askWhole();
    await this.#answer(200, code);
  }

  async #late({ client, afterMs }: Extract<Fault, { readonly kind: 'late' }>, onHeld: () => void): Promise<void> {
    const { method, url, rawHeaders } = this.#request;
    this.#countSent();
    const body = await buffer(this.#request);
    const delivered = this.#ports.held.hold({ method, url, rawHeaders, body }, afterMs);
    onHeld();
    if (client === 'dropped') this.#drop();
    const { status, answer } = await delivered;
    this.#ports.tally.status(status);
    if (this.#isDeserted) return;
    if (!answer) {
      this.#drop();
      return;
    }
    this.#head(answer.head);
    await this.#end(answer.body);
  }
}

/** As S3 says that something is wrong. */
function errorDocument(code: string): string {
  const message = 'This answer was injected by a test.';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

/** Resolves when so many bytes are with the operating system. */
async function writeUpTo(bytes: number, from: IncomingMessage, to: ClientRequest): Promise<void> {
  let left = bytes;
  for await (const piece of from as AsyncIterable<Buffer>) {
    const part = piece.subarray(0, left);
    await new Promise<void>((resolve) => to.write(part, () => resolve()));
    left -= part.length;
    if (left === 0) return;
  }
}
