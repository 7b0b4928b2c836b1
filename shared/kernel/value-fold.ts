/**
 * Folds the values of one key by functions of the job: an aggregator of its own, or `combine`.
 *
 * One state is live at a time, so it may be changed in place. On the map side values are added, and what they come to
 * travels as a value; wherever such values meet, in the merge of spilled runs or in a reduce task, they are merged in
 * their order.
 */
import type { OwnAggregator } from '../aggregation.js';
import { decodeKey } from '../codec/key.js';
import { keyText } from '../codec/key-text.js';
import { GristmillError, type ErrorCode } from '../errors.js';

export interface ValueFold {
  /** Begins a key. Its bytes are read only when something is wrong, and must not change before the next key. */
  begin(key: Uint8Array): void;
  /** Adds an emitted value. */
  add(value: unknown): void;
  /** Merges what `finish` gave for later values of the key. */
  mergeState(value: unknown): void;
  /** What the values have come to, as it travels; there is at least one. */
  finish(): unknown;
  /** Says of what `finish` gave, and the codec refused, which function made it. */
  refused(error: unknown): GristmillError;
}

/** Thrown errors, promises and refusals of one job's functions, each with the function's name and the key. */
class Complaints {
  readonly #code: ErrorCode;
  readonly #whose: string;
  key = new Uint8Array(0);

  constructor(code: ErrorCode, whose: string) {
    this.#code = code;
    this.#whose = whose;
  }

  threw(name: string, error: unknown): GristmillError {
    const { message } = GristmillError.from(error);
    return new GristmillError(this.#code, `${name}${this.#whose} threw ${this.#place()}: ${message}`, { cause: error });
  }

  /** Promises cannot be stored, and nothing waits for one between two values. */
  asynchronous(name: string): GristmillError {
    const rule = `${name}${this.#whose} must be synchronous; it returned a promise ${this.#place()}`;
    return new GristmillError(this.#code, rule);
  }

  refused(name: string, error: unknown): GristmillError {
    const { code, message } = GristmillError.from(error);
    const what = `what ${name}${this.#whose} returned ${this.#place()} cannot be stored`;
    return new GristmillError(code, `${what}: ${message}`, { cause: error });
  }

  #place(): string {
    return `on the key ${keyText(decodeKey(this.key))}`;
  }
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** An aggregator of the job's own; what travels are its states. */
export class OwnFold implements ValueFold {
  readonly #aggregator: OwnAggregator;
  readonly #complaints = new Complaints('aggregator-failed', ' of the aggregator');
  #state: unknown;
  /** The function that made the state; empty before there is one. */
  #maker: keyof OwnAggregator | '' = '';

  constructor(aggregator: OwnAggregator) {
    this.#aggregator = aggregator;
  }

  begin(key: Uint8Array): void {
    this.#complaints.key = key as Uint8Array<ArrayBuffer>;
    this.#state = undefined;
    this.#maker = '';
  }

  add(value: unknown): void {
    if (this.#maker === '') this.#state = this.#call('zero', () => this.#aggregator.zero());
    let state: unknown;
    try {
      state = this.#aggregator.add(this.#state, value);
    } catch (error) {
      throw this.#complaints.threw('add', error);
    }
    if (isPromise(state)) throw this.#complaints.asynchronous('add');
    this.#state = state;
    this.#maker = 'add';
  }

  mergeState(later: unknown): void {
    if (this.#maker !== '') {
      const earlier = this.#state;
      this.#state = this.#call('merge', () => this.#aggregator.merge(earlier, later));
    } else {
      this.#state = later;
    }
    this.#maker = 'merge';
  }

  finish(): unknown {
    return this.#state;
  }

  /** The aggregator's result; the state is used up. */
  result(): unknown {
    return this.#call('finish', () => this.#aggregator.finish(this.#state));
  }

  refused(error: unknown): GristmillError {
    return this.#complaints.refused(this.#maker, error);
  }

  #call(name: keyof OwnAggregator, call: () => unknown): unknown {
    let returned: unknown;
    try {
      returned = call();
    } catch (error) {
      throw this.#complaints.threw(name, error);
    }
    if (isPromise(returned)) throw this.#complaints.asynchronous(name);
    return returned;
  }
}

/** The option `combine`; what travels are values like those that were emitted. */
export class CombineFold implements ValueFold {
  readonly #combine: (earlier: unknown, later: unknown) => unknown;
  readonly #complaints = new Complaints('combine-failed', '');
  #value: unknown;
  #begun = false;

  constructor(combine: (earlier: unknown, later: unknown) => unknown) {
    this.#combine = combine;
  }

  begin(key: Uint8Array): void {
    this.#complaints.key = key as Uint8Array<ArrayBuffer>;
    this.#value = undefined;
    this.#begun = false;
  }

  add(value: unknown): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#value = value;
      return;
    }
    let combined: unknown;
    try {
      combined = this.#combine(this.#value, value);
    } catch (error) {
      throw this.#complaints.threw('combine', error);
    }
    if (isPromise(combined)) throw this.#complaints.asynchronous('combine');
    this.#value = combined;
  }

  mergeState(value: unknown): void {
    this.add(value);
  }

  finish(): unknown {
    return this.#value;
  }

  refused(error: unknown): GristmillError {
    return this.#complaints.refused('combine', error);
  }
}
