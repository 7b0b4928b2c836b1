/** How many things become few by merging neighbours, so that their order stays. */

/**
 * Merges contiguous groups of at most `most` items until there are no more than `most`: as few as must be, for
 * what is merged is written and read once more.
 */
export function mergedInPasses<Item>(
  items: readonly Item[],
  most: number,
  merge: (group: readonly Item[]) => Item,
): readonly Item[] {
  let left = items;
  while (left.length > most) {
    const merged: Item[] = [];
    for (let at = 0, rest = left.length; at < left.length;) {
      // The last group of a pass takes only what is still too much.
      const size = Math.max(1, Math.min(most, rest - most + 1, left.length - at));
      const group = left.slice(at, at + size);
      merged.push(group.length === 1 ? (group[0] as Item) : merge(group));
      at += size;
      rest -= size - 1;
    }
    left = merged;
  }
  return left;
}
