/**
 * Which requests meet which fault. A plan is data, so that it can be sent to a proxy in another process, and it repeats by
 * its seed: the same sequence of matching requests meets the same faults.
 */
import { randomFrom } from '../random.js';
import type { Operation, S3Request } from './s3-request.js';

export type Fault =
  /** The request goes on after so long; all latencies that match add up, beside one other fault. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** The connection breaks before anything reaches the server. */
  | { readonly kind: 'drop-before' }
  /** The connection breaks when half of the request's body has gone to the server, which gets no more. */
  | { readonly kind: 'drop-in-request' }
  /** The connection breaks when the server has the whole request; whether it acts on it is its affair. */
  | { readonly kind: 'drop-after-request' }
  /** The server has answered, so the request took effect; the answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The connection breaks in the middle of the answer's body. */
  | { readonly kind: 'drop-in-answer' }
  /** An answer that looks whole and is not: half of the body, and a length that says so. */
  | { readonly kind: 'truncate' }
  /** The proxy answers in the place of the server, which never hears of it. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** A request that lands late: the client's connection breaks, or waits until it gives up; see `deliver`. */
  | { readonly kind: 'late'; readonly client: 'dropped' | 'waits'; readonly afterMs?: number }
  /** Status 200 with an error in the body; whether the server heard of the request is said. */
  | { readonly kind: 'error-in-200'; readonly code: string; readonly tookEffect: boolean };

export interface Rule {
  /** Under which its faults are counted; the fault's kind when it is not given. */
  readonly name?: string;
  readonly fault: Fault;
  readonly operations?: readonly Operation[];
  readonly methods?: readonly string[];
  readonly keyPrefix?: string;
  readonly keyIncludes?: string;
  /** Only the so many-th request that matches, counted from 1. */
  readonly nth?: number;
  /** Ends after so many faults. */
  readonly times?: number;
  /** The share of matching requests, by the seed. */
  readonly rate?: number;
}

export interface Plan {
  readonly seed?: number;
  /** The first rule that strikes decides; latencies apart. */
  readonly rules: readonly Rule[];
}

/** Of one request: how long it is held up, and what else befalls it. */
export interface Fate {
  readonly latencyMs: number;
  readonly fault: Exclude<Fault, { readonly kind: 'latency' }> | undefined;
  /** The rules that struck, by name: those of latencies, and that of the fault. */
  readonly latencies: readonly string[];
  readonly faults: readonly string[];
}

/** S3's answers to somebody who asks too much, or at the same time as another. */
export const slowDown = { kind: 'answer', status: 503, code: 'SlowDown' } as const satisfies Fault;
export const tooManyRequests = { kind: 'answer', status: 429, code: 'TooManyRequests' } as const satisfies Fault;
export const conflict = { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } as const satisfies Fault;

export class Fates {
  readonly #rules: readonly { readonly rule: Rule; readonly strikes: (request: S3Request) => boolean }[];

  constructor({ seed = 1, rules }: Plan) {
    this.#rules = rules.map((rule, index) => ({ rule, strikes: striker(rule, seed + index * 7919) }));
  }

  next(request: S3Request): Fate {
    let latencyMs = 0;
    let fault: Fate['fault'];
    const latencies: string[] = [];
    const faults: string[] = [];
    for (const { rule, strikes } of this.#rules) {
      const isLatency = rule.fault.kind === 'latency';
      if ((fault !== undefined && !isLatency) || !strikes(request)) continue;
      if (rule.fault.kind === 'latency') latencyMs += rule.fault.ms;
      else fault = rule.fault;
      (isLatency ? latencies : faults).push(rule.name ?? rule.fault.kind);
    }
    return { latencyMs, fault, latencies, faults };
  }
}

function striker(rule: Rule, seed: number): (request: S3Request) => boolean {
  const random = randomFrom(seed);
  const { nth, times = Infinity, rate = 1 } = rule;
  let matched = 0;
  let struck = 0;
  // The first numbers of the generator depend little on the seed.
  for (let i = 0; i < 8; i++) random(1);
  return (request) => {
    if (!matches(rule, request)) return false;
    matched++;
    const isMeant = (nth === undefined || matched === nth) && random(1_000_000) < rate * 1_000_000;
    if (!isMeant || struck >= times) return false;
    struck++;
    return true;
  };
}

function matches({ operations, methods, keyPrefix = '', keyIncludes = '' }: Rule, request: S3Request): boolean {
  if (operations !== undefined && !operations.includes(request.operation)) return false;
  if (methods !== undefined && !methods.includes(request.method)) return false;
  return request.key.startsWith(keyPrefix) && request.key.includes(keyIncludes);
}
