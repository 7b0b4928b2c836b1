/** The server behind a proxy: requests go to it as they came, so that signatures, which span the Host header, stay right. */
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** Of one connection each, by the protocol; `expect` would have to be answered before the body comes. */
const hopHeaders = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'expect'];

/** Servers close idle connections at 30 s or later: before that, so that no request meets a closing one. */
const IDLE_MS = 10_000;

/** What has to be sent again later, when the client may be gone. */
export interface WholeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export class Upstream {
  readonly #host: string;
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_MS });

  /** `endpoint`: `http://host:port`. */
  constructor(endpoint: string) {
    const { hostname, port, protocol } = new URL(endpoint);
    if (protocol !== 'http:') throw new Error(`a fault proxy speaks http, not ${protocol}`);
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1');
    this.#port = Number(port === '' ? 80 : port);
  }

  /** A request whose body is still to be written. */
  open({ method, url, rawHeaders }: Omit<WholeRequest, 'body'>): ClientRequest {
    return httpRequest({
      host: this.#host,
      port: this.#port,
      agent: this.#agent,
      method,
      path: url,
      headers: endToEnd(rawHeaders),
    });
  }

  /** The status of the answer; 0 when the server could not be reached. */
  async send(whole: WholeRequest): Promise<{ readonly status: number; readonly answer?: Answer }> {
    const outgoing = this.open(whole);
    outgoing.end(whole.body);
    try {
      const answer = await answerTo(outgoing);
      return { status: answer.statusCode ?? 0, answer: { head: answer, body: await buffer(answer) } };
    } catch {
      return { status: 0 };
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface Answer {
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

export function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
  });
}

/** Without what concerns only the connection; names keep their case, and their order. */
export function endToEnd(rawHeaders: readonly string[], ...but: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (![...hopHeaders, ...but].includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
