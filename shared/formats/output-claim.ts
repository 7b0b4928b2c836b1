/**
 * One job at a time owns an output. It claims `<output>/_job.json`, which only one writer can put, and then looks what
 * else lies there. Claims of the dead are taken over: by one taker alone, who marks the claim's exact bytes first.
 */
import { systemClock, type Clock } from '../clock.js';
import { GristmillError, hasCode } from '../errors.js';
import { outputNames } from '../plan.js';
import { xxh64 } from '../codec/checksum.js';
import type { ObjectStore } from '../store/object-store.js';
import { ownerIsDead, type Owner } from '../store/owner.js';
import { putOnce } from '../store/put-once.js';
import type { Location } from '../store/stores.js';
import {
  encodeClaim,
  isOwnName,
  isTakeover,
  parseClaim,
  parseOldManifest,
  takeoverName,
  type ClaimRecord,
  type OldManifest,
} from './claim-record.js';

export interface ClaimOptions {
  /** The output prefix as absolute URI. */
  readonly output: string;
  readonly job: string;
  readonly owner: Owner;
  /** Replace the result that a manifest there describes. */
  readonly overwrite: boolean;
  readonly isOwnerDead?: (owner: Owner) => boolean;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly signal?: AbortSignal;
  /** Where that URI leads. */
  readonly place: Location;
}

export interface OutputClaim {
  /**
   * Names below the output that the job removes before it publishes, besides `_SUCCESS` and `_manifest.json`, ascending:
   * the old manifest's parts, and the old error file and audit log where they are.
   */
  readonly replaces: readonly string[];
  /** A sentence for the person, when a dead job's claim was taken over. */
  readonly tookOver?: string;
}

/** Owners may change hands a few times while we look; more is somebody's loop. */
const ROUNDS = 16;
const SHOWN = 5;
/** Whoever comes next writes under the same names. */
const REUSED = { forReuse: true } as const;

/**
 * Claims the output for the job, or refuses with `output-occupied` or `output-unwritable`. Claiming again for the same job
 * succeeds. What refuses leaves nothing behind.
 */
export async function claimOutput(options: ClaimOptions): Promise<OutputClaim> {
  try {
    return await new Claim(options).take();
  } catch (thrown) {
    if (!hasCode(thrown, 'store-denied')) throw thrown;
    throw new GristmillError('output-unwritable', `cannot write to the output: ${(thrown as Error).message}`, {
      cause: thrown,
      where: options.output,
    });
  }
}

/** Deletes the job's claim, if it is still its own: for a job that ends with nothing published. */
export async function releaseClaim(options: Pick<ClaimOptions, 'job' | 'signal' | 'place'>): Promise<void> {
  const { store, key } = options.place;
  const claim = `${key}/${outputNames.claim}`;
  const bytes = await readMaybe(store, claim, options.signal);
  if (bytes === undefined || parseClaim(bytes)?.job !== options.job) return;
  await store.delete([claim], { ...callOf(options.signal), ...REUSED });
}

/** The job whose claim lies below the prefix; undefined when there is none that can be read. */
export async function claimantOf(store: ObjectStore, prefix: string): Promise<string | undefined> {
  const bytes = await readMaybe(store, prefix + outputNames.claim, undefined);
  return bytes && parseClaim(bytes)?.job;
}

class Claim {
  readonly #options: ClaimOptions;
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #bytes: Uint8Array;
  readonly #isDead: (owner: Owner) => boolean;

  constructor(options: ClaimOptions) {
    const { store, key } = options.place;
    if (key === '') throw new GristmillError('invalid-request', `${options.output} cannot be an output: name a folder`);
    this.#options = options;
    this.#store = store;
    this.#prefix = `${key}/`;
    this.#bytes = encodeClaim(options.job, options.owner);
    this.#isDead = options.isOwnerDead ?? ownerIsDead;
  }

  async take(): Promise<OutputClaim> {
    let tookOver: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const found = await this.#read(outputNames.claim);
      if (found === undefined) {
        if ((await this.#put(outputNames.claim)) === 'won') return this.#look(tookOver, false);
        continue;
      }
      const claim = parseClaim(found);
      if (claim?.job === this.#options.job) return this.#look(tookOver, true);
      tookOver = (await this.#replace(claim, found)) ?? tookOver;
    }
    throw this.#occupied('several jobs claim it at once', 'try again, or choose another output');
  }

  /** What else lies there. `isOurs`: an earlier incarnation of the same job claimed it, and may have published. */
  async #look(tookOver: string | undefined, isOurs: boolean): Promise<OutputClaim> {
    try {
      const manifest = await this.#manifest();
      const mayBeOwn = isOurs && (manifest === undefined || manifest.job === this.#options.job);
      const listed = new Set(this.#options.overwrite ? manifest?.parts : []);
      const replaced = new Set(listed);
      const others: string[] = [];
      for await (const { key } of this.#store.list(this.#prefix, callOf(this.#options.signal))) {
        const name = key.slice(this.#prefix.length);
        if (name === outputNames.claim) continue;
        if (isTakeover(name)) await this.#clearMark(name);
        else if (this.#options.overwrite && isBookkeeping(name)) {
          if (name === outputNames.audit || name === outputNames.errors) replaced.add(name);
        } else if (!listed.has(name) && !(mayBeOwn && (isOwnName(name) || name === outputNames.manifest))) {
          others.push(name);
        }
        if (others.length > SHOWN) break;
      }
      if (others.length > 0) throw this.#refusal(others, manifest);
      return { replaces: [...replaced].sort(), ...(tookOver !== undefined && { tookOver }) };
    } catch (thrown) {
      if (!isOurs) await this.#store.delete([this.#key(outputNames.claim)], REUSED);
      throw thrown;
    }
  }

  #refusal(others: readonly string[], manifest: OldManifest | undefined): GristmillError {
    const names = others.slice(0, SHOWN).join(', ') + (others.length > SHOWN ? ', ...' : '');
    if (this.#options.overwrite) {
      const by = manifest === undefined ? 'there is no manifest' : 'its manifest does not list them';
      return this.#occupied(
        `it holds files that --overwrite does not remove, as ${by}: ${names}`,
        'move them away, or choose another output',
      );
    }
    return manifest === undefined
      ? this.#occupied(`it holds ${names}`, 'move the files away, or choose another output')
      : this.#occupied(`it holds an earlier result: ${names}`, 'replace it with --overwrite, or choose another output');
  }

  /** Clears another job's claim out of the way, or refuses. Returns a sentence for the person, if there is one to say. */
  async #replace(claim: ClaimRecord | undefined, bytes: Uint8Array): Promise<string | undefined> {
    if (claim === undefined) {
      throw this.#occupied(
        `its ${outputNames.claim} is no claim of Gristmill’s`,
        'move it away, or choose another output',
      );
    }
    const { job, owner } = claim;
    const manifest = await this.#manifest();
    const isDead = owner.private && this.#isDead(owner);
    const isSucceeded = (await this.#store.head(this.#key(outputNames.success))) !== undefined;
    const isFinished = manifest?.job === job && (isSucceeded || isDead || !owner.private);
    if (!isFinished && !isDead) {
      throw this.#occupied(
        `job ${job} is writing to it (process ${owner.pid} on ${owner.host})`,
        `wait for it, or choose another output; if that process is gone, remove ${outputNames.claim} there`,
      );
    }
    if (manifest !== undefined && !this.#options.overwrite) {
      throw this.#occupied(
        `it holds the result of job ${manifest.job ?? job}`,
        'replace it with --overwrite, or choose another output',
      );
    }
    if (isFinished) {
      await this.#seize(outputNames.claim, bytes, async () => undefined);
      return undefined;
    }
    let removed = 0;
    const isSeized = await this.#seize(outputNames.claim, bytes, async () => {
      removed = await this.#sweep();
    });
    if (!isSeized) return undefined;
    const swept =
      removed === 0 ? '' : ` and removed ${removed} ${removed === 1 ? 'file' : 'files'} that it left unfinished`;
    return `took over the output from job ${job}, whose process ${owner.pid} on ${owner.host} is gone${swept}`;
  }

  /**
   * Removes a claim, or a dead taker's mark, that nobody may change but who marks these very bytes. Whoever puts the mark
   * looks again, since an earlier taker may have been done in between. False when it was no longer there.
   */
  async #seize(name: string, bytes: Uint8Array, sweep: () => Promise<void>): Promise<boolean> {
    const mark = takeoverName(xxh64(bytes));
    if ((await this.#put(mark)) === 'lost') {
      const found = await this.#read(mark);
      const taker = found && parseClaim(found);
      if (found === undefined) return false;
      if (taker === undefined || !this.#isDead(taker.owner)) {
        const by =
          taker === undefined ? '' : ` by job ${taker.job} (process ${taker.owner.pid} on ${taker.owner.host})`;
        throw this.#occupied(`it is being taken over${by}`, `try again, or choose another output`);
      }
      await this.#seize(mark, found, async () => undefined);
      return false;
    }
    try {
      const found = await this.#read(name);
      if (found === undefined || Buffer.compare(found, bytes) !== 0) return false;
      await sweep();
      await this.#store.delete([this.#key(name)], REUSED);
      return true;
    } finally {
      await this.#store.delete([this.#key(mark)]);
    }
  }

  /** What a dead job left: see claim-record.ts. Returns how many published files it removed. */
  async #sweep(): Promise<number> {
    await this.#store.discardStaged(this.#prefix, callOf(this.#options.signal));
    if ((await this.#store.head(this.#key(outputNames.manifest))) !== undefined) return 0;
    const keys: string[] = [];
    for await (const { key } of this.#store.list(this.#prefix)) {
      if (isOwnName(key.slice(this.#prefix.length))) keys.push(key);
    }
    await this.#store.delete(keys, REUSED);
    return keys.length;
  }

  /** A taker that died between its last two steps left its mark; one that lives removes it itself. */
  async #clearMark(name: string): Promise<void> {
    const bytes = await this.#read(name);
    const taker = bytes && parseClaim(bytes);
    if (taker !== undefined && this.#isDead(taker.owner)) await this.#store.delete([this.#key(name)]);
  }

  async #manifest(): Promise<OldManifest | undefined> {
    const bytes = await this.#read(outputNames.manifest);
    if (bytes === undefined) return undefined;
    const manifest = parseOldManifest(bytes);
    if (manifest !== undefined) return manifest;
    throw this.#occupied(
      `its ${outputNames.manifest} is no manifest of Gristmill’s`,
      'move the files away, or choose another output',
    );
  }

  #put(name: string): Promise<'won' | 'lost'> {
    const { clock = systemClock, random, signal } = this.#options;
    return putOnce(this.#store, this.#key(name), this.#bytes, {
      clock,
      ...(random && { random }),
      ...callOf(signal),
    });
  }

  #read(name: string): Promise<Uint8Array | undefined> {
    return readMaybe(this.#store, this.#key(name), this.#options.signal);
  }

  #key(name: string): string {
    return this.#prefix + name;
  }

  #occupied(reason: string, remedy: string): GristmillError {
    const { output, job } = this.#options;
    return new GristmillError('output-occupied', `the output ${output} is occupied: ${reason}; ${remedy}`, {
      context: { job },
      where: output,
    });
  }
}

function isBookkeeping(name: string): boolean {
  const { manifest, success, audit, errors } = outputNames;
  return name === manifest || name === success || name === audit || name === errors;
}

async function readMaybe(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, callOf(signal));
  } catch (thrown) {
    if (hasCode(thrown, 'object-not-found')) return undefined;
    throw thrown;
  }
}

function callOf(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
