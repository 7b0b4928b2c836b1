/**
 * Entries of the combining table by short keys, without a byte being written: up to 12 ASCII characters of a string are packed into
 * three integers, and looked up among the first that came. Most keys of most jobs are such strings, and most emits are of few of them,
 * which come early: so the cache is filled once and is no larger than stays near the processor. What finds no room in it goes the
 * way of all other keys.
 *
 * What counts is memory that is touched: the three slots in which a key may be are one line of the processor's cache. They
 * lie in the kernel's memory, for only there are addresses known.
 */
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';

/** The longest string that is packed, in characters. */
export const PACKED_MAX = 12;
/** Instead of a slot: the string is not ASCII, or there is no room for it. */
export const NO_ROOM = -1;
/** Instead of a slot: the key is not there, and `keep` may bring it there. */
export const NOT_FOUND = -2;

const LINES_MAX = 16_384;
const LINE_WORDS = 16;
const LINE_BYTES = 64;
const SLOT_WORDS = 5;
/** Words of a slot: three of the key, the address of its entry, and emits of 1 that the entry does not have yet. */
export const ENTRY = 3;
export const ONES = 4;
const SECOND_SLOT = SLOT_WORDS;
const THIRD_SLOT = 2 * SLOT_WORDS;
const BITS = 7;

export class KeyCache {
  readonly slots: Int32Array;
  readonly #mask: number;
  #first = 0;
  #second = 0;
  #third = 0;
  #slot = 0;

  /** Takes up to `bytes`. */
  constructor(kernel: Kernel, regions: Regions, bytes: number) {
    const lines = Math.min(LINES_MAX, 2 ** Math.floor(Math.log2(bytes / LINE_BYTES)));
    this.#mask = lines - 1;
    this.slots = new Int32Array(kernel.memory.buffer, regions.take(lines * LINE_BYTES), lines * LINE_WORDS);
    this.slots.fill(0);
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
    const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35);
    const line = ((mixed ^ (mixed >>> 15)) & this.#mask) * LINE_WORDS;
    const slots = this.slots;
    if (slots[line] === first && slots[line + 1] === second && slots[line + 2] === third) return line;
    let slot = line + SECOND_SLOT;
    if (slots[slot] === first && slots[slot + 1] === second && slots[slot + 2] === third) return slot;
    slot = line + THIRD_SLOT;
    if (slots[slot] === first && slots[slot + 1] === second && slots[slot + 2] === third) return slot;
    return this.#free(line, first, second, third);
  }

  /** The first free slot of the line is given to the key. */
  #free(line: number, first: number, second: number, third: number): number {
    const slots = this.slots;
    for (let slot = line; slot <= line + THIRD_SLOT; slot += SLOT_WORDS) {
      if (slots[slot] !== 0) continue;
      this.#first = first;
      this.#second = second;
      this.#third = third;
      this.#slot = slot;
      return NOT_FOUND;
    }
    return NO_ROOM;
  }

  /** Keeps the key that was not found, with its entry, and returns its slot. */
  keep(entry: number): number {
    const slots = this.slots;
    const slot = this.#slot;
    slots[slot] = this.#first;
    slots[slot + 1] = this.#second;
    slots[slot + 2] = this.#third;
    slots[slot + ENTRY] = entry;
    return slot;
  }

  /** Tells `visit` of every slot that has emits, and forgets all keys. */
  clear(visit: (slot: number) => void): void {
    const slots = this.slots;
    for (let line = 0; line < slots.length; line += LINE_WORDS) {
      for (let slot = line; slot <= line + THIRD_SLOT; slot += SLOT_WORDS) {
        if (slots[slot + ONES] !== 0) visit(slot);
      }
    }
    slots.fill(0);
  }
}
