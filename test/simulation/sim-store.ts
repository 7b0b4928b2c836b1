/**
 * A store that is slow, fails before or after it has done what it was asked, and does it later than it said. Each life
 * has a handle of its own: after its crash no call settles, while writes in flight may still land.
 *
 * Deletions are the exception: in flight at a crash they are either done at once or lost. No port can guard a key against
 * a deletion that was sent long ago.
 */
import { GristmillError } from '../../shared/errors.js';
import { MemoryStore } from '../../shared/store/memory-store.js';
import type {
  CallOptions,
  DiscardOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  ReadOptions,
  Seal,
  StagedWrite,
} from '../../shared/store/object-store.js';
import type { SeededRandom } from './random.js';
import { never, type Life, type World } from './world.js';

/** Told after a change has taken effect, and before anybody else sees it. */
export interface StoreObserver {
  onChange(change: StoreChange): void;
  /** A listing is being taken now. */
  onList(prefix: string): void;
}

export type StoreChange =
  | { readonly kind: 'put'; readonly key: string; readonly bytes: Uint8Array; readonly life: Life }
  | {
      readonly kind: 'publish';
      readonly key: string;
      readonly bytes: Uint8Array;
      readonly seal: Seal;
      readonly life: Life;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly life: Life }
  | { readonly kind: 'discard-staged'; readonly key: string; readonly life: Life };

interface Write {
  readonly name: string;
  readonly key: string;
  readonly isDeletion: boolean;
}

/** What survives every crash. */
export class SimDisk {
  readonly objects = new MemoryStore({ uri: 'memory:' });
  /** Sealed and neither published nor discarded, by the name in the seal. */
  readonly staged = new Map<string, { readonly seal: Seal; readonly atMs: number }>();
  /** Keys last written by a life that was dead by then, or after its writer had been told that it failed. */
  readonly late = new Set<string>();
  /** How many each life has: each draws its latencies from a stream of its own. */
  readonly #handles = new Map<string, number>();
  readonly world: World;
  observer: StoreObserver = { onChange: () => undefined, onList: () => undefined };
  /** Called around each write of the life: to crash it there. */
  onWrite: (life: Life, point: string) => void = () => undefined;

  constructor(world: World) {
    this.world = world;
  }

  handle(life: Life): ObjectStore {
    const handles = (this.#handles.get(life.name) ?? 0) + 1;
    this.#handles.set(life.name, handles);
    return new SimStore(this, life, this.world.stream(`store ${handles} of ${life.name}`));
  }

  /** A shuffle object of a winner is lost, or its bytes change, as on a disk that fails. */
  async harm(key: string, isGone: boolean): Promise<boolean> {
    if (!(await this.objects.head(key))) return false;
    if (isGone) {
      await this.objects.delete([key]);
      return true;
    }
    const bytes = Uint8Array.from(await this.objects.get(key));
    const at = this.world.random.between(0, bytes.length - 1);
    const kept = this.world.random.chance(0.5) ? bytes : bytes.subarray(0, at);
    if (kept === bytes) bytes[at] = (bytes[at] ?? 0) ^ 1;
    await this.objects.put(key, kept);
    return true;
  }

  /** A staged write that nobody has published vanishes, as if its machine's disk had. */
  async loseStaged(isCandidate: (seal: Seal) => boolean): Promise<void> {
    for (const [name, { seal }] of this.staged) {
      if (!isCandidate(seal) || (await this.objects.head(seal.key))) continue;
      if (!this.world.fault('staged output lost', 1)) return;
      this.staged.delete(name);
      await this.objects.discard(seal);
      return;
    }
  }
}

class SimStore implements ObjectStore {
  readonly uri = 'memory:';
  readonly #disk: SimDisk;
  readonly #life: Life;
  readonly #random: SeededRandom;

  constructor(disk: SimDisk, life: Life, random: SeededRandom) {
    this.#disk = disk;
    this.#life = life;
    this.#random = random;
  }

  put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const copy = Uint8Array.from(bytes);
    return this.#write({ name: 'put', key, isDeletion: false }, async (isLate) => {
      const done = await this.#disk.objects.put(key, copy, options);
      this.#markLate(key, isLate);
      this.#disk.observer.onChange({ kind: 'put', key, bytes: copy, life: this.#life });
      return done;
    });
  }

  get(key: string, options?: ReadOptions): Promise<Uint8Array> {
    return this.#read('get', key, () => this.#disk.objects.get(key, options));
  }

  async *stream(key: string, options?: ReadOptions): AsyncGenerator<Uint8Array> {
    yield await this.get(key, options);
  }

  head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#read('head', key, () => this.#disk.objects.head(key, options));
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    yield* await this.#read('list', prefix, async () => {
      this.#disk.observer.onList(prefix);
      const found: ObjectInfo[] = [];
      for await (const info of this.#disk.objects.list(prefix)) found.push(info);
      return found;
    });
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.#write({ name: 'delete', key, isDeletion: true }, async () => {
        const existed = await this.#disk.objects.head(key);
        await this.#disk.objects.delete([key]);
        if (existed) this.#disk.observer.onChange({ kind: 'delete', key, life: this.#life });
      });
    }
  }

  async stage(key: string, attempt: string): Promise<StagedWrite> {
    const { world } = this.#disk;
    const write = await this.#read('stage', key, () => this.#disk.objects.stage(key, attempt));
    return {
      write: (bytes) => this.#read('write', key, () => write.write(bytes)),
      seal: () =>
        this.#write({ name: 'seal', key, isDeletion: false }, async () => {
          const seal = await write.seal();
          this.#disk.staged.set(seal.staged, { seal, atMs: world.nowMs });
          return seal;
        }),
      abort: () => write.abort(),
    };
  }

  publish(seal: Seal): Promise<void> {
    return this.#write({ name: 'publish', key: seal.key, isDeletion: false }, async (isLate) => {
      const before = await this.#disk.objects.head(seal.key);
      await this.#disk.objects.publish(seal);
      this.#disk.staged.delete(seal.staged);
      if (before) return;
      this.#markLate(seal.key, isLate);
      const bytes = await this.#disk.objects.get(seal.key);
      this.#disk.observer.onChange({ kind: 'publish', key: seal.key, bytes, seal, life: this.#life });
    });
  }

  discard(seal: Seal): Promise<void> {
    return this.#write({ name: 'discard', key: seal.key, isDeletion: true }, async () => {
      this.#disk.staged.delete(seal.staged);
      const before = await this.#disk.objects.head(seal.key);
      await this.#disk.objects.discard(seal);
      if (before && !(await this.#disk.objects.head(seal.key))) {
        this.#disk.observer.onChange({ kind: 'delete', key: seal.key, life: this.#life });
      }
    });
  }

  discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    return this.#write({ name: 'discardStaged', key: prefix, isDeletion: true }, async () => {
      await this.#disk.objects.discardStaged(prefix, options);
      for (const name of [...this.#disk.staged.keys()]) if (name.startsWith(prefix)) this.#disk.staged.delete(name);
      this.#disk.observer.onChange({ kind: 'discard-staged', key: prefix, life: this.#life });
    });
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  #markLate(key: string, isLate: boolean): void {
    if (isLate) this.#disk.late.add(key);
    else this.#disk.late.delete(key);
  }

  #read<T>(name: string, key: string, effect: () => Promise<T>): Promise<T> {
    const { world } = this.#disk;
    world.step('store call', `${this.#life.name} ${name} ${key}`);
    return new Promise<T>((resolve, reject) => {
      if (!this.#life.alive) return;
      world.after(this.#latency(), () => {
        if (!this.#life.alive) return;
        // What was asked before its process stood still is answered by then, and heard when it goes on.
        const heard = (action: () => void) => world.whenAwake(this.#life, action);
        if (world.fault('store error before a read', 0.01)) heard(() => reject(unavailable(key)));
        else
          effect().then(
            (found) => heard(() => resolve(found)),
            (error: unknown) => heard(() => reject(GristmillError.from(error))),
          );
      });
    });
  }

  #write<T>(write: Write, effect: (isLate: boolean) => Promise<T>): Promise<T> {
    const { world, onWrite } = this.#disk;
    const point = pointOf(write);
    if (!this.#life.alive) return never();
    world.step('store call', `${this.#life.name} ${write.name} ${write.key}`);
    return new Promise<T>((resolve, reject) => {
      const settle = (action: () => void) => world.after(this.#latency(), () => world.whenAwake(this.#life, action));
      world.after(this.#latency(), () => {
        if (this.#life.alive) onWrite(this.#life, `before ${point}`);
        if (!this.#life.alive) {
          this.#landAfterDeath(write, effect);
        } else if (world.fault('store error before a write', 0.015)) {
          settle(() => reject(unavailable(write.key)));
        } else if (!write.isDeletion && world.fault('write lands later than its timeout', 0.01)) {
          settle(() => reject(timeout(write.key)));
          this.#landLater(effect);
        } else {
          const lost = world.fault('answer of a write lost', 0.01);
          effect(false).then(
            (done) => {
              if (this.#life.alive) onWrite(this.#life, `after ${point}`);
              settle(() => (lost ? reject(timeout(write.key)) : resolve(done)));
            },
            (error: unknown) => settle(() => reject(lost ? timeout(write.key) : (error as Error))),
          );
        }
      });
    });
  }

  #latency(): number {
    const random = this.#random;
    return random.chance(0.03) ? random.between(50, 700) : random.between(1, 12);
  }

  #landAfterDeath<T>({ isDeletion }: Write, effect: (isLate: boolean) => Promise<T>): void {
    const { world } = this.#disk;
    if (world.fault('write in flight at a crash is lost', 0.5)) return;
    if (isDeletion) void effect(true).catch(ignore);
    else if (world.fault('write of the dead lands late', 1)) this.#landLater(effect);
  }

  #landLater<T>(effect: (isLate: boolean) => Promise<T>): void {
    const { world } = this.#disk;
    world.after(this.#random.between(1, 2500), () => void effect(true).catch(ignore));
  }
}

/** Errors of a late landing are nobody's; a violation is kept by the world. */
const ignore = (): void => undefined;

/** Which write it was, without what is different every time. */
function pointOf({ name, key }: Write): string {
  const what = key
    .replace(/^out\/[^/]+\//, 'output ')
    .replace(/v1\/jobs\/[^/]+\//, 'job ')
    .replace(/v1\/shuffle\/.*/, 'shuffle')
    .replace(/stage\/map\..*/, 'stage manifest')
    .replace(/[/ ](inspect|items|logs)\/.*/, ' $1')
    .replace(/\d{3,}/g, 'N')
    .replace(/lease\/\d+/, 'lease');
  return `${name} ${what}`;
}

function unavailable(key: string): GristmillError {
  return new GristmillError('store-unavailable', `simulated: nothing happened to ${key}`);
}

function timeout(key: string): GristmillError {
  return new GristmillError('store-timeout', `simulated: who knows what happened to ${key}`);
}
