/** Draws of ranks by Zipf's law: rank r, counted from 0, has the weight 1/(r+1). Division and addition alone. */
import type { Random } from './random.js';

/** For each of 65,536 equal slices of probability, the first rank that it may mean: a search starts there. */
export interface Distribution {
  readonly ends: Float64Array;
  readonly starts: Uint32Array;
}

const slices = 65_536;

export function zipfDistribution(ranks: number): Distribution {
  let total = 0;
  const ends = new Float64Array(ranks);
  for (let rank = 0; rank < ranks; rank++) {
    total += 1 / (rank + 1);
    ends[rank] = total;
  }
  for (let rank = 0; rank < ranks; rank++) ends[rank]! /= total;
  const starts = new Uint32Array(slices + 1).fill(ranks - 1);
  for (let slice = 0, rank = 0; slice < slices; slice++) {
    while (rank < ranks - 1 && (ends[rank] ?? 1) <= slice / slices) rank++;
    starts[slice] = rank;
  }
  return { ends, starts };
}

/** The first rank that ends after a random point, by halves between the ends of its slice. */
export function draw({ ends, starts }: Distribution, random: Random): number {
  const at = random() / 0x1_0000_0000;
  const slice = Math.floor(at * slices);
  let low = starts[slice] ?? 0;
  let high = starts[slice + 1] ?? low;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 1) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
