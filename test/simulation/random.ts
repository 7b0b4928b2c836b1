/** Seeded randomness: splitmix32. The same seed draws the same numbers, for ever. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A stream of its own for each name (FNV-1a): however much is drawn from one, the others stay as they are. */
  static named(seed: number, name: string): SeededRandom {
    let hash = 0x811c9dc5;
    for (const letter of name) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
    return new SeededRandom(hash ^ Math.imul(seed, 0x9e3779b1));
  }

  /** In [0, 2^32). */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** In [min, max]. */
  between(min: number, max: number): number {
    return min + (this.word() % (max - min + 1));
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.word() % values.length];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.word() & 0xff);
  }
}
