/**
 * Coordinators: each incarnation has handles of its own. It ends in a crash between any two effects, or it stands still,
 * is followed by another, and goes on as if nothing had been until it finds that it is fenced.
 */
import { Coordinator } from '../../coordinator/core.js';
import type { Session } from '../../coordinator/core-ports.js';
import type { Outputs } from '../../coordinator/outputs.js';
import { claimOutput, releaseClaim } from '../../shared/formats/output-claim.js';
import type { Clock } from '../../shared/clock.js';
import type { CoordinatorMessage, WorkerMessage } from '../../shared/protocol.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import type { Checker } from './checker.js';
import { Link } from './sim-network.js';
import type { SimDisk } from './sim-store.js';
import type { WorkerLink } from './sim-worker.js';
import { SlotCheck } from './slot-check.js';
import { Violation, type Life, type World } from './world.js';
import type { Retention } from '../../coordinator/scheduler/retention.js';
import type { GristmillError } from '../../shared/errors.js';

interface Leader {
  readonly life: Life;
  /** Undefined until it leads. */
  core: Coordinator | undefined;
  readonly links: Set<WorkerLink>;
}

/** So short that all of it happens within a run. */
function retentionOf({ random }: World): Retention {
  return {
    journalKeepMs: random.between(0, 15_000),
    snapshotSpacingMs: random.between(0, 4000),
    jobs: {
      endedKeepMs: random.between(0, 15_000),
      archivedKeepMs: random.between(0, 40_000),
      archivedJobsMax: random.between(0, 5),
      uploadGraceMs: random.between(0, 1500),
      everyMs: random.between(100, 1000),
      lateWriteMs: random.between(0, 8000),
    },
  };
}

export class SimLeaders {
  readonly slotCheck: SlotCheck;
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #checker: Checker;
  readonly #retention: Retention;
  readonly #snapshotSlots: number;
  /** Those that live: the one that leads, or will, is the last. */
  #leaders: Leader[] = [];
  #life: Life;
  #links = 0;
  crashes = 0;

  constructor(world: World, disk: SimDisk, checker: Checker) {
    this.#world = world;
    this.#disk = disk;
    this.#checker = checker;
    this.slotCheck = new SlotCheck(checker);
    this.#life = { name: 'leader#0', alive: false };
    this.#retention = retentionOf(world);
    this.#snapshotSlots = world.random.between(3, 40);
    this.#start();
  }

  /** Whom a client or a worker reaches: mostly the newest. */
  pick(): { readonly core: Coordinator | undefined; readonly life: Life } {
    const { random } = this.#world;
    const newest = this.#leaders.at(-1);
    const picked = this.#leaders.length > 1 && random.chance(0.3) ? random.pick(this.#leaders) : newest;
    return { core: picked?.core, life: picked?.life ?? this.#life };
  }

  get journalKeepMs(): number {
    return this.#retention.journalKeepMs;
  }

  get life(): Life {
    return this.#life;
  }

  crash(point: string): void {
    if (!this.#life.alive) return;
    const { crashPoints, random } = this.#world;
    crashPoints.set(point, (crashPoints.get(point) ?? 0) + 1);
    this.#world.note(`CRASH of ${this.#life.name} ${point}`);
    this.#end(this.#life);
    this.#world.after(random.between(1, 2000), () => this.#start());
  }

  /** The newest leader stands still, and a second one starts. */
  freeze(durationMs: number): void {
    const frozen = this.#leaders.at(-1);
    if (!frozen) return;
    const { random } = this.#world;
    this.#world.note(`FREEZE of ${frozen.life.name}`);
    frozen.life.frozenUntilMs = this.#world.nowMs + durationMs;
    // Some workers notice that nobody answers.
    for (const link of frozen.links) if (random.chance(0.5)) link.break();
    this.#world.after(random.between(1, 3000), () => {
      if (this.#leaders.at(-1) === frozen) this.#start();
    });
  }

  #end(life: Life): void {
    life.alive = false;
    for (const { links } of this.#leaders.filter((leader) => leader.life === life))
      for (const link of links) link.break();
    this.#leaders = this.#leaders.filter((leader) => leader.life !== life);
  }

  /** One that has a successor halts when it finds out, and not before it stood still. */
  #onHalt(leader: Leader, error: GristmillError): void {
    const { life } = leader;
    if (!life.alive) return;
    if (error.code !== 'fenced' || this.#checker.durable.epoch <= (leader.core?.epoch ?? 0)) {
      this.#violate(life, `the only leader halts: ${error.message}`);
      return;
    }
    const { faults } = this.#world;
    faults.set('fenced leader halts', (faults.get('fenced leader halts') ?? 0) + 1);
    this.#world.note(`HALT of ${life.name}`);
    this.#end(life);
  }

  #start(): void {
    this.crashes++;
    const life: Life = { name: `leader#${this.crashes}`, alive: true };
    this.#life = life;
    const leader: Leader = { life, core: undefined, links: new Set() };
    this.#leaders.push(leader);
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
      retention: this.#retention,
      snapshotEvery: { slots: this.#snapshotSlots, bytes: Infinity },
      onHalt: (error) => this.#onHalt(leader, error),
    }).then(
      (core) => {
        if (!life.alive) return;
        leader.core = core;
        // Who stood still while it started may come to lead after those that started later.
        const epochOf = (one: Leader) => one.core?.epoch ?? Infinity;
        this.#leaders.sort((a, b) => epochOf(a) - epochOf(b) || 0);
        this.#life = this.#leaders.at(-1)?.life ?? life;
      },
      (thrown: unknown) => this.#violate(life, `a leader cannot start: ${String(thrown)}`),
    );
  }

  #violate(life: Life, message: string): void {
    if (!life.alive) return;
    this.#world.violation ??= new Violation(message);
  }

  #whenAwake(life: Life, action: () => void): void {
    this.#world.whenAwake(life, () => this.#guarded(life, action));
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
    const { core, life } = this.pick();
    const leader = this.#leaders.find((one) => one.life === life);
    if (!core || !leader) return undefined;
    const link: WorkerLink = new Link<WorkerMessage, CoordinatorMessage>(
      this.#world,
      `link ${life.name} ${workerName} ${++this.#links}`,
    );
    leader.links.add(link);
    let session: Session | undefined;
    const port = {
      send: (message: CoordinatorMessage) => {
        if (!life.alive) return;
        for (const assignment of message.assign ?? []) {
          this.#checker.onAssign(core.epoch, `${workerName} ${incarnation}`, assignment);
          this.slotCheck.onAssign(core.epoch, workerName, assignment);
        }
        for (const ref of message.acknowledge ?? []) this.#checker.onAcknowledge(core.epoch, ref);
        link.toWorker(message);
      },
      close: () => link.break(),
    };
    link.leader = {
      receive: (message) =>
        this.#whenAwake(life, () => {
          // A registration that was delivered twice is one registration.
          if (session) session.receive(message);
          else if (message.register) session = core.openSession(message.register, port);
        }),
      broken: () => this.#whenAwake(life, () => session?.closed()),
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
    release: ({ output, job }) => releaseClaim({ job, place: place(output) }),
    storeFor: (output) => ({ store, prefix: prefixOf(output) }),
  };
}
