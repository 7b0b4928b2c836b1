/** What tasks ask of the world, answered at once from a store in memory: no thread, no ring, no promise to wait for. */
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import { memoryScratch, type ScratchRun } from '../../shared/kernel/scratch.js';
import { limits } from '../../shared/limits.js';
import { storeKeys, type FoundInputs, type Plan, type StageVersion } from '../../shared/plan.js';
import type { MemorySpace, MemoryStage } from '../../shared/store/memory-space.js';
import { MemoryStore } from '../../shared/store/memory-store.js';
import type { Seal } from '../../shared/store/object-store.js';
import type {
  ByteSink,
  ByteSource,
  InputRequest,
  OutputRequest,
  ShuffleRequest,
  StageSource,
  TaskIo,
} from '../../worker/ports.js';
import { asFetchFailure } from '../../worker/task/fetch-failure.js';
import { entriesIn, StageSources } from '../../worker/task/stage-sources.js';
import { keyIn, uriOf } from './places.js';

export class MemoryTaskIo implements TaskIo {
  readonly #space: MemorySpace;
  readonly #job: JobId;
  readonly #stageSources: StageSources;
  /** Staged by the attempt that runs, and not sealed. */
  readonly #open = new Set<MemoryStage>();

  constructor(space: MemorySpace, job: JobId) {
    this.#space = space;
    this.#job = job;
    const indexes = new Map<string, Uint8Array>();
    this.#stageSources = new StageSources(job, new MemoryStore({}, space), {
      entries: async (attempt, range) => {
        const index = indexes.get(attempt);
        return index && entriesIn(index, range);
      },
      keep: async (attempt, index) => void indexes.set(attempt, index),
    });
  }

  openBytes(request: InputRequest | ShuffleRequest): ByteSource {
    return request.kind === 'input' ? this.#openInput(request) : this.#openShuffle(request);
  }

  openOutput({ to, attempt }: OutputRequest): ByteSink {
    const stage = this.#space.stage(to.in === 'store' ? to.key : keyIn(to.uri), attempt);
    this.#open.add(stage);
    return {
      write: (bytes) => stage.write(bytes.slice()),
      finish: () => {
        const seal = stage.seal();
        this.#open.delete(stage);
        if (to.in === 'store') this.#publish(seal, stage);
        return seal;
      },
    };
  }

  plan(): Plan {
    return JSON.parse(Buffer.from(this.#space.read(storeKeys.plan(this.#job))).toString()) as Plan;
  }

  stage(version: StageVersion, partition: number): Promise<readonly StageSource[]> {
    return this.#stageSources.of(version, partition);
  }

  /** Never asked: the records are given, so that the source is one of items. */
  findInputs(uris: readonly string[]): FoundInputs {
    throw new GristmillError('internal', `no input is read in a test of a job: ${uris.join(', ')}`);
  }

  put(key: string, bytes: Uint8Array): { readonly uri: string; readonly etag: string } {
    return { uri: uriOf(key), etag: this.#space.put(key, bytes.slice()) };
  }

  endAttempt(): void {
    for (const stage of this.#open) stage.abort();
    this.#open.clear();
  }

  create(): ScratchRun {
    return memoryScratch().create();
  }

  /** As a store publishes what is sealed; nobody else writes under the key of an attempt. */
  #publish(seal: Seal, stage: MemoryStage): void {
    this.#space.put(seal.key, stage.collect(), seal.staged);
    this.#space.dropStaged(seal.staged);
  }

  #openInput({ uri, from, softEnd, bytes, etag }: InputRequest): ByteSource {
    const key = keyIn(uri);
    const info = this.#space.info(key);
    if (info?.bytes !== bytes || info.etag !== etag) {
      throw new GristmillError('input-changed', `the input ${uri} has changed since the job was planned`);
    }
    return piecesOf(this.#space.read(key, { start: from, end: softEnd }));
  }

  #openShuffle({ key, offset, bytes }: ShuffleRequest): ByteSource {
    try {
      return piecesOf(this.#space.read(key, { start: offset, end: offset + bytes }));
    } catch (error) {
      throw asFetchFailure(error, { key });
    }
  }
}

/** In pieces as an executor reads them, between which its tasks take a turn of the event loop. */
function piecesOf(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    next: () => {
      if (at >= bytes.length) return undefined;
      return bytes.subarray(at, (at += limits.ringBufferBytes));
    },
    close: () => {
      at = bytes.length;
    },
  };
}
