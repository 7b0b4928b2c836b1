/** What the user thread asks of the I/O thread, by MessagePort. Answers come through the ring. */
import type { InspectSpec } from '../../shared/protocol.js';
import type { JobId } from '../../shared/ids.js';
import type { CsvFormat, StageVersion } from '../../shared/plan.js';
import type { StoreAccess } from '../../shared/store/stores.js';
import type { InputRequest, OutputRequest, ShuffleRequest } from '../ports.js';
import type { FromExecutor } from './messages.js';

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
  | { readonly name: 'stage'; readonly version: StageVersion; readonly partition: number }
  | {
      readonly name: 'find-inputs';
      readonly uris: readonly string[];
      readonly spec: InspectSpec;
      readonly csv: CsvFormat | undefined;
    }
  | { readonly name: 'put'; readonly key: string; readonly bytes: Uint8Array }
  | { readonly name: 'finish'; readonly output: number };

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

export interface JobPlace {
  readonly job: JobId;
  readonly storeUri: string;
  readonly access: StoreAccess;
  /** Shared by the executors of one agent: bundle, plan, indexes. */
  readonly jobDir: string;
}
