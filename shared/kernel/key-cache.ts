/**
 * Entries of the combining table by short keys, without a byte being written: up to 12 ASCII characters of a string are packed
 * into three integers, and looked up by open addressing. Most keys of most jobs are such strings, and most emits are of
 * few of them, which come early: so the cache is filled by those that come first, and what finds no room in it goes the way
 * of all other keys.
 *
 * What counts is memory that is touched: a key and its emits are one quarter of a line of the processor's cache, and what only
 * some emits need lies elsewhere. So the cache grows with its keys, and is three quarters full before it does.
 */
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';

/** The longest string that is packed, in characters. */
export const PACKED_MAX = 12;
/** Instead of a slot: the string is not ASCII, or there is no room for it. */
export const NO_ROOM = -1;
/** Instead of a slot: the key is not there, and `keep` may bring it there. */
export const NOT_FOUND = -2;

const SLOTS_AT_FIRST = 2048;
/** 4 MiB: beyond it a lookup costs as much as the way of the other keys. */
const SLOTS_MAX = 2 ** 18;
/** Words of a slot: three of the key, and emits of 1 that the entry does not have yet. */
const SLOT_WORDS = 4;
export const ONES = 3;
/** Those of a slot, and its entry's address. */
const SLOT_BYTES = 4 * SLOT_WORDS + 4;
const BITS = 7;

export class KeyCache {
  /** Of `slots[slot, slot + SLOT_WORDS)` each; the first word of a slot that is taken is not 0. */
  readonly slots: Int32Array;
  readonly #entries: Uint32Array;
  readonly #slotsMax: number;
  /** Of words, and keys that may come before the cache grows. */
  #mask = 0;
  #room = 0;
  #first = 0;
  #second = 0;
  #third = 0;
  #slot = 0;

  /** Takes up to `bytes`. */
  constructor(kernel: Kernel, regions: Regions, bytes: number) {
    const slots = Math.min(SLOTS_MAX, Math.max(SLOTS_AT_FIRST, 2 ** Math.floor(Math.log2(bytes / SLOT_BYTES))));
    const { buffer } = kernel.memory;
    this.#slotsMax = slots;
    this.slots = new Int32Array(buffer, regions.take(slots * SLOT_WORDS * 4), slots * SLOT_WORDS);
    this.#entries = new Uint32Array(buffer, regions.take(slots * 4), slots);
    this.#resize(SLOTS_AT_FIRST);
  }

  /** The slot of a string of at most `PACKED_MAX` characters, or what stands for none. */
  find(key: string): number {
    const length = key.length;
    // With the length in it no key looks like another one, or like none.
    let first = length + 1;
    let second = 0;
    let third = 0;
    let units = 0;
    let i = 0;
    for (; i < length && i < 4; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      first = (first << BITS) | unit;
    }
    for (; i < length && i < 8; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      second = (second << BITS) | unit;
    }
    for (; i < length; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      third = (third << BITS) | unit;
    }
    if (units > 0x7f) return NO_ROOM;
    const slots = this.slots;
    const mask = this.#mask;
    for (let slot = placeOf(first, second, third) & mask; ; slot = (slot + SLOT_WORDS) & mask) {
      const found = slots[slot] as number;
      if (found === first && slots[slot + 1] === second && slots[slot + 2] === third) return slot;
      if (found === 0) return this.#notFound(slot, first, second, third);
    }
  }

  #notFound(slot: number, first: number, second: number, third: number): number {
    if (this.#room === 0) return NO_ROOM;
    this.#first = first;
    this.#second = second;
    this.#third = third;
    this.#slot = slot;
    return NOT_FOUND;
  }

  /**
   * Keeps the key that was not found, with its entry, and returns its slot. When this takes the last room, `grow` may make
   * more.
   */
  keep(entry: number): number {
    const slots = this.slots;
    const slot = this.#slot;
    slots[slot] = this.#first;
    slots[slot + 1] = this.#second;
    slots[slot + 2] = this.#third;
    this.#entries[slot / SLOT_WORDS] = entry;
    this.#room -= 1;
    return slot;
  }

  /** The address of a slot's entry. */
  entryOf(slot: number): number {
    return this.#entries[slot / SLOT_WORDS] as number;
  }

  get isFull(): boolean {
    return this.#room === 0;
  }

  /** Doubles the cache, if it may become larger. Then slots are others, and `moved` tells of each where it is now. */
  grow(): ((slot: number) => number) | undefined {
    const before = this.#mask + 1;
    if (before === this.#slotsMax * SLOT_WORDS) return undefined;
    const old = this.slots.slice(0, before);
    const oldEntries = this.#entries.slice(0, before / SLOT_WORDS);
    this.slots.fill(0, 0, before);
    this.#resize((2 * before) / SLOT_WORDS);
    const movedTo = new Int32Array(before / SLOT_WORDS);
    for (let slot = 0; slot < before; slot += SLOT_WORDS) {
      if (old[slot] === 0) continue;
      const place = this.#freeFor(old[slot] as number, old[slot + 1] as number, old[slot + 2] as number);
      for (let word = 0; word < SLOT_WORDS; word++) this.slots[place + word] = old[slot + word] as number;
      this.#entries[place / SLOT_WORDS] = oldEntries[slot / SLOT_WORDS] as number;
      this.#room -= 1;
      movedTo[slot / SLOT_WORDS] = place;
    }
    return (slot) => movedTo[slot / SLOT_WORDS] as number;
  }

  #freeFor(first: number, second: number, third: number): number {
    let slot = placeOf(first, second, third) & this.#mask;
    while (this.slots[slot] !== 0) slot = (slot + SLOT_WORDS) & this.#mask;
    return slot;
  }

  #resize(slots: number): void {
    this.slots.fill(0, 0, slots * SLOT_WORDS);
    this.#mask = slots * SLOT_WORDS - 1;
    this.#room = (slots / 4) * 3;
  }

  /** Tells `visit` of every slot that has emits. */
  each(visit: (slot: number) => void): void {
    for (let slot = 0; slot <= this.#mask; slot += SLOT_WORDS) {
      if (this.slots[slot + ONES] !== 0) visit(slot);
    }
  }

  /** Forgets all keys, and keeps its size. */
  clear(): void {
    this.#resize((this.#mask + 1) / SLOT_WORDS);
  }
}

/** The word where a search begins, once it is masked by the number of words. */
function placeOf(first: number, second: number, third: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) << 2;
}
