/** What the user thread asks of the I/O thread, by MessagePort. Answers come through the ring. */
import type { InspectSpec } from '../../shared/protocol.js';
import type { JobId } from '../../shared/ids.js';
import type { FromExecutor } from './messages.js';

/**
 * Bytes of an input from `from` on. Reading ahead ends with the buffer that holds the bytes behind `softEnd`; from there
 * on bytes come one buffer at a time as asked.
 */
export interface InputRequest {
  readonly kind: 'input';
  readonly uri: string;
  readonly from: number;
  readonly softEnd: number;
  /** The object as the plan froze it: anything else is `input-changed`. */
  readonly bytes: number;
  readonly etag: string;
}

/** One partition of one shuffle object: its frames. */
export interface ShuffleRequest {
  readonly kind: 'shuffle';
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A finished scratch run, from its beginning: its bytes, after which it is gone. */
export interface ScratchRequest {
  readonly kind: 'scratch';
  readonly run: number;
  readonly bytes: number;
}

/** Answered with one `v8.serialize`d value. */
export interface CallRequest {
  readonly kind: 'call';
  readonly call: IoCall;
}

export type IoCall =
  | { readonly name: 'bundle'; readonly sha256: string }
  | { readonly name: 'plan' }
  | { readonly name: 'stage'; readonly generation: number; readonly partition: number }
  | { readonly name: 'expand-inputs'; readonly uris: readonly string[]; readonly spec: InspectSpec }
  | { readonly name: 'put'; readonly key: string; readonly bytes: Uint8Array }
  | { readonly name: 'finish'; readonly output: number };

/** A stream out: staged, and published at once when it is a shuffle object. */
export interface OutputRequest {
  /** `store`: a key of the coordinator's store; `uri`: an absolute URI below a job's output. */
  readonly to: { readonly in: 'store'; readonly key: string } | { readonly in: 'uri'; readonly uri: string };
  readonly attempt: string;
}

/** A scratch run's number is that of the output that writes it. */
export type OpenOutput = OutputRequest | 'scratch';

export type OpenRequest = InputRequest | ShuffleRequest | ScratchRequest | CallRequest;

export type IoMessage =
  | { readonly type: 'open'; readonly source: number; readonly request: OpenRequest }
  | { readonly type: 'release'; readonly buffers: readonly (readonly [source: number, buffer: number])[] }
  | { readonly type: 'close'; readonly source: number }
  | { readonly type: 'open-output'; readonly output: number; readonly request: OpenOutput }
  | { readonly type: 'write'; readonly output: number; readonly buffer: number; readonly length: number }
  | { readonly type: 'end-attempt' }
  | { readonly type: 'to-agent'; readonly message: FromExecutor };

/** What a reduce task reads: one source for each map object that has records for its partition, in map order. */
export interface StageSource {
  readonly key: string;
  readonly attempt: string;
  readonly offset: number;
  readonly bytes: number;
  readonly records: number;
  readonly weight: number;
  readonly sum: bigint;
}

export interface JobPlace {
  readonly job: JobId;
  readonly storeUri: string;
  /** Shared by the executors of one agent: bundle, plan, indexes. */
  readonly jobDir: string;
}
