/** The journal's own invariants: contiguous slots, snapshots that say what their slots say, nothing deleted that is needed. */
import { decodeSlot } from '../../coordinator/journal-format.js';
import { evolve } from '../../coordinator/scheduler/evolve.js';
import type { JournalRecord } from '../../coordinator/scheduler/records.js';
import { emptyState } from '../../coordinator/scheduler/state.js';
import { decodeSnapshot, stateLines } from '../../coordinator/snapshot-format.js';
import { storeKeys } from '../../shared/plan.js';
import type { Checker } from './checker.js';
import type { StoreChange } from './sim-store.js';

export class JournalChecker {
  readonly #checker: Checker;
  /** As they were written, the first at place 0. */
  readonly #slots: Uint8Array[] = [];
  readonly #fences = new Set<number>();
  readonly #snapshots = new Map<number, number>();

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  get slots(): readonly Uint8Array[] {
    return this.#slots;
  }

  /**
   * False: a write to a slot that was deleted long ago, by one who stood still. It is harmless when it is what was there,
   * or the first record of one who does not lead by it.
   */
  isNew(change: StoreChange): boolean {
    if (change.kind !== 'put') return true;
    const slot = slotOf(change.key);
    const before = this.#slots[slot - 1];
    if (before === undefined) return true;
    const { records } = decodeSlot(slot, change.bytes);
    const isHarmless = Buffer.compare(before, change.bytes) === 0 || records[0]?.type === 'leader-elected';
    if (!isHarmless) this.#checker.world.violate(`journal slot ${slot} was written again, otherwise`);
    return false;
  }

  onSlot(bytes: Uint8Array): { readonly epoch: number; readonly records: readonly JournalRecord[] } {
    const { world, durable } = this.#checker;
    const lines = Buffer.from(bytes).toString('utf8').split('\n');
    const { slot } = JSON.parse(lines[0] ?? '') as { slot: number };
    if (slot !== this.#slots.length + 1) world.violate(`journal slot ${slot} follows ${this.#slots.length}`);
    const { epoch, records } = decodeSlot(slot, bytes);
    if (epoch < durable.epoch) world.violate(`epoch ${epoch} writes after ${durable.epoch}`);
    if (records[0]?.type === 'leader-elected') this.#fences.add(slot);
    this.#slots.push(bytes);
    return { epoch, records };
  }

  onSnapshot(change: StoreChange): void {
    if (change.kind !== 'put') return;
    const { world } = this.#checker;
    const slot = slotOf(change.key);
    if (slot > this.#slots.length) world.violate(`there is a snapshot up to slot ${slot}, which is not there`);
    world.faults.set('snapshot taken', (world.faults.get('snapshot taken') ?? 0) + 1);
    if (!this.#snapshots.has(slot)) this.#snapshots.set(slot, world.nowMs);
    const told = decodeSnapshot(slot, change.bytes).durable;
    const replayed = emptyState();
    for (const [at, bytes] of this.#slots.slice(0, slot).entries()) {
      for (const record of decodeSlot(at + 1, bytes).records) evolve(replayed, record);
    }
    if (stateLines(told).text !== stateLines(replayed).text) {
      world.violate(`the snapshot up to slot ${slot} is not what its slots say`);
    }
  }

  /** Two snapshots make up for a slot, one of them old. */
  onDelete(key: string): void {
    const { world, objects, journalKeepMs } = this.#checker;
    const slot = slotOf(key);
    world.faults.set('slot deleted', (world.faults.get('slot deleted') ?? 0) + 1);
    if (this.#fences.has(slot)) world.violate(`slot ${slot} was deleted, in which a leader began`);
    const after = [...this.#snapshots].filter(([upTo]) => upTo >= slot);
    const there = after.filter(([upTo]) => objects.has(storeKeys.snapshot(upTo)));
    const isOld = after.some(([, atMs]) => atMs + journalKeepMs <= world.nowMs);
    if (there.length < 2 || !isOld) world.violate(`slot ${slot} was deleted too early`);
  }
}

function slotOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}
