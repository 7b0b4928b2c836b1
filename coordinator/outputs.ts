/** Where results go: the port through which the committer claims, publishes and cleans up an output prefix. */
import type { JobId } from '../shared/ids.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { Owner } from '../shared/store/owner.js';
import type { Claim } from './scheduler/records.js';

export interface OutputPlace {
  readonly store: ObjectStore;
  /** Of every key of the output; ends in a slash. */
  readonly prefix: string;
}

export interface Outputs {
  /** Idempotent for a job. `output-occupied` when the prefix is somebody else's. */
  claim(request: ClaimRequest): Promise<Claim>;
  /** Idempotent; a claim of another job stays. */
  release(request: { readonly output: string; readonly job: JobId }): Promise<void>;
  storeFor(output: string): OutputPlace;
}

export interface ClaimRequest {
  readonly output: string;
  readonly job: JobId;
  readonly owner: Owner;
  readonly overwrite: boolean;
}
