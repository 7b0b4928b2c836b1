/**
 * Entries of the combining table by short keys, without a byte being written: up to 12 ASCII characters of a string are packed into
 * three integers, and looked up among those that were emitted lately. What is not found is asked of the table, and kept
 * in place of what was there: so the cache needs no more room than stays near the processor.
 *
 * Most keys of most jobs are such strings, and most emits are of few of them.
 */

/** The longest string that is packed, in characters. */
export const PACKED_MAX = 12;
/** Slots of 16 bytes: two megabytes. */
const SLOTS = 131_072;
const BITS = 7;

export class KeyCache {
  /** Three words of the key and the address of its entry; 0 is none. */
  readonly #slots = new Int32Array(SLOTS * 4);
  #first = 0;
  #second = 0;
  #third = 0;
  #slot = 0;

  /**
   * The address of the key's entry, or 0 when it is not known; -1 for a string that is not packed. After a 0, `keep` takes
   * what the table says.
   */
  find(key: string): number {
    const length = key.length;
    // With its length in it, so that no key looks like another one or like none.
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
    if (units > 0x7f) return -1;
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2f);
    const slot = ((hash ^ (hash >>> 13)) & (SLOTS - 1)) << 2;
    const slots = this.#slots;
    if (slots[slot] === first && slots[slot + 1] === second && slots[slot + 2] === third) {
      return (slots[slot + 3] as number) >>> 0;
    }
    this.#first = first;
    this.#second = second;
    this.#third = third;
    this.#slot = slot;
    return 0;
  }

  /** The entry of the key that `find` did not know. */
  keep(entry: number): void {
    const slots = this.#slots;
    const slot = this.#slot;
    slots[slot] = this.#first;
    slots[slot + 1] = this.#second;
    slots[slot + 2] = this.#third;
    slots[slot + 3] = entry;
  }

  /** The table was emptied. */
  clear(): void {
    this.#slots.fill(0);
  }
}
