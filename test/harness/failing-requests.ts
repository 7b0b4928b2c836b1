/** Requests to an S3 server of which one fails: its connection breaks before it is sent, or after it took effect. */
import { request, type ClientRequest, type RequestOptions } from 'node:http';
import type { SendRequest } from '../../shared/store/s3/exchange.js';

export interface FailingRequests {
  readonly send: SendRequest;
  readonly calls: () => number;
}

export function failingRequests(n: number, when: 'before' | 'after'): FailingRequests {
  let calls = 0;
  const send = (options: RequestOptions): ClientRequest => {
    calls += 1;
    if (calls !== n) return request(options);
    return when === 'before' ? brokenBefore(options) : brokenAfter(options);
  };
  return { send, calls: () => calls };
}

const broken = () => Object.assign(new Error('the connection breaks'), { code: 'ECONNRESET' });

/** Nothing of it reaches the server. */
function brokenBefore(options: RequestOptions): ClientRequest {
  const sent = request(options);
  sent.destroy(broken());
  return sent;
}

/** The server does it, and its answer is lost. */
export function brokenAfter(options: RequestOptions): ClientRequest {
  const sent = request(options);
  const emit = sent.emit.bind(sent);
  sent.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'response') return emit(event, ...values);
    const [answer] = values as [NodeJS.ReadableStream];
    answer.resume();
    answer.once('end', () => emit('error', broken()));
    return true;
  };
  return sent;
}
