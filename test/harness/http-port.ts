/** What the HTTP port of a standing process tells: its pages, its health, and the samples of its metrics. */
import { request } from 'node:https';
import { eventually } from './command.js';

export interface Page {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

/** `base`: `http://host:port`. Rejects where nobody listens. */
export async function pageOf(base: string, path: string, method = 'GET'): Promise<Page> {
  const response = await fetch(`${base}${path}`, { method });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

/** Samples by name and labels, as they stand in the text. */
export function samplesIn(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/ (\S+)$/.exec(line)?.[1])]));
}

export async function samplesOf(base: string): Promise<ReadonlyMap<string, number>> {
  return samplesIn((await pageOf(base, '/metrics')).text);
}

export interface Health extends Readonly<Record<string, unknown>> {
  /** Of HTTP. */
  readonly answer: number;
  readonly status: string;
}

/** Undefined where nobody listens. */
export async function healthOf(base: string): Promise<Health | undefined> {
  const page = await pageOf(base, '/healthz').catch(() => undefined);
  if (!page) return undefined;
  const said = JSON.parse(page.text) as { readonly status: string };
  return { ...said, answer: page.status };
}

/** Asks until the health is so, for a process that is not up yet refuses. */
export function untilHealth(base: string, answer: number, status: string): Promise<void> {
  return eventually(async () => {
    const found = await healthOf(base);
    return found?.answer === answer && found.status === status;
  });
}

/** What a page answers over TLS to one who trusts that authority alone; else why there is no connection. */
export function answerOverTls(url: string, ca: string): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request(url, { ca, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    asked.end();
  });
}
