/** A stream between a worker and a leader: ordered, slow, and broken at any time with whatever is on its way. */
import type { SeededRandom } from './random.js';
import type { World } from './world.js';

export interface LinkEnd<Message> {
  receive(message: Message): void;
  broken(): void;
}

export class Link<ToLeader, ToWorker> {
  readonly #world: World;
  readonly #random: SeededRandom;
  #isOpen = true;
  #leaderAt = 0;
  #workerAt = 0;
  leader: LinkEnd<ToLeader> | undefined;
  worker: LinkEnd<ToWorker> | undefined;

  /** `name`: what it draws is its own. */
  constructor(world: World, name: string) {
    this.#world = world;
    this.#random = world.stream(name);
  }

  toLeader(message: ToLeader): void {
    if (this.#world.fault('message delivered twice', 0.01)) this.#toLeader(message);
    this.#toLeader(message);
  }

  #toLeader(message: ToLeader): void {
    this.#leaderAt = this.#arrival(this.#leaderAt);
    this.#deliver(this.#leaderAt, 'to the leader', () => this.leader?.receive(message));
  }

  toWorker(message: ToWorker): void {
    this.#workerAt = this.#arrival(this.#workerAt);
    this.#deliver(this.#workerAt, 'to a worker', () => this.worker?.receive(message));
  }

  /** Both ends notice, each in its time; nothing that was on its way arrives. */
  break(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#world.after(this.#latency(), () => this.leader?.broken());
    this.#world.after(this.#latency(), () => this.worker?.broken());
  }

  #deliver(atMs: number, what: string, action: () => void): void {
    if (!this.#isOpen) return;
    if (this.#world.fault('stream broken, messages lost', 0.004)) {
      this.break();
      return;
    }
    this.#world.after(atMs - this.#world.nowMs, () => {
      if (!this.#isOpen) return;
      this.#world.step('delivery', what);
      action();
    });
  }

  #arrival(last: number): number {
    return Math.max(last + 0.001, this.#world.nowMs + this.#latency());
  }

  #latency(): number {
    const random = this.#random;
    return this.#world.fault('message delayed', 0.02) ? random.between(100, 1500) : random.between(1, 8);
  }
}
