/** Coordinators, one at a time: each incarnation has handles of its own and ends in a crash between any two effects. */
import { Coordinator, type Session } from '../../coordinator/core.js';
import type { Outputs } from '../../coordinator/outputs.js';
import { claimOutput, releaseClaim } from '../../shared/formats/output-claim.js';
import type { Clock } from '../../shared/clock.js';
import type { CoordinatorMessage, WorkerMessage } from '../../shared/protocol.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import type { Checker } from './checker.js';
import { Link } from './sim-network.js';
import type { SimDisk } from './sim-store.js';
import type { WorkerLink } from './sim-worker.js';
import { Violation, type Life, type World } from './world.js';

export class SimLeaders {
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #checker: Checker;
  readonly #links = new Set<WorkerLink>();
  #life: Life;
  #core: Coordinator | undefined;
  crashes = 0;

  constructor(world: World, disk: SimDisk, checker: Checker) {
    this.#world = world;
    this.#disk = disk;
    this.#checker = checker;
    this.#life = { name: 'leader#0', alive: false };
    this.#start();
  }

  get core(): Coordinator | undefined {
    return this.#life.alive ? this.#core : undefined;
  }

  get life(): Life {
    return this.#life;
  }

  crash(point: string): void {
    if (!this.#life.alive) return;
    const { crashPoints, random } = this.#world;
    crashPoints.set(point, (crashPoints.get(point) ?? 0) + 1);
    this.#world.note(`CRASH of ${this.#life.name} ${point}`);
    this.#life.alive = false;
    this.#core = undefined;
    for (const link of this.#links) link.break();
    this.#links.clear();
    this.#world.after(random.between(1, 2000), () => this.#start());
  }

  #start(): void {
    this.crashes++;
    const life: Life = { name: `leader#${this.crashes}`, alive: true };
    this.#life = life;
    const { random } = this.#world;
    const clock = this.#world.clockOf(life);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    Coordinator.start({
      store: this.#disk.handle(life),
      storeUri: 'memory:',
      outputs: outputsOf(this.#disk.handle(life), clock, () => random.fraction()),
      clock,
      random: (bytes) => random.bytes(bytes),
      owner: { host: 'sim', pid: this.crashes, startTime: String(this.crashes), private: false },
      log,
      onHalt: (error) => this.#violate(life, `the only leader halts: ${error.message}`),
    }).then(
      (core) => {
        if (life.alive) this.#core = core;
      },
      (thrown: unknown) => this.#violate(life, `a leader cannot start: ${String(thrown)}`),
    );
  }

  #violate(life: Life, message: string): void {
    if (!life.alive) return;
    this.#world.violation ??= new Violation(message);
  }

  /** What goes wrong inside of the leader ends the run: it must never throw. */
  #guarded(life: Life, action: () => void): void {
    if (!life.alive) return;
    try {
      action();
    } catch (thrown) {
      this.#world.violation ??=
        thrown instanceof Violation ? thrown : new Violation(`the leader throws: ${String(thrown)}`);
    }
  }

  connect(workerName: string, incarnation: string): WorkerLink | undefined {
    const core = this.core;
    const life = this.#life;
    if (!core) return undefined;
    const link: WorkerLink = new Link<WorkerMessage, CoordinatorMessage>(this.#world);
    this.#links.add(link);
    let session: Session | undefined;
    const port = {
      send: (message: CoordinatorMessage) => {
        if (!life.alive) return;
        for (const assignment of message.assign ?? []) {
          this.#checker.onAssign(core.epoch, `${workerName} ${incarnation}`, assignment);
        }
        for (const ref of message.acknowledge ?? []) this.#checker.onAcknowledge(ref);
        link.toWorker(message);
      },
      close: () => link.break(),
    };
    link.leader = {
      receive: (message) =>
        this.#guarded(life, () => {
          // A registration that was delivered twice is one registration.
          if (session) session.receive(message);
          else if (message.register) session = core.openSession(message.register, port);
        }),
      broken: () => this.#guarded(life, () => session?.closed()),
    };
    return link;
  }
}

export function prefixOf(output: string): string {
  return `${output.slice('memory:'.length)}/`;
}

function outputsOf(store: ObjectStore, clock: Clock, random: () => number): Outputs {
  const place = (output: string) => ({ store, key: output.slice('memory:'.length) });
  return {
    async claim({ output, job, owner, overwrite }) {
      const options = { output, job, owner, overwrite, place: place(output), clock, random, isOwnerDead: () => false };
      const { replaces, tookOver } = await claimOutput(options);
      return { replaces, tookOver };
    },
    release: ({ output, job }) => releaseClaim({ output, job, place: place(output) }),
    storeFor: (output) => ({ store, prefix: prefixOf(output) }),
  };
}
