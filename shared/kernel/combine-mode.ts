/**
 * How emits of one key become states: `on` all that fit into memory become one, which is what a job runs with; `off` each
 * stays by itself; `everywhere` the first stays by itself and the others are combined by twos. A fold from the left then
 * meets what is combined already on its right, which is where a combiner that is not associative gives another result.
 */
export type CombineMode = 'off' | 'on' | 'everywhere';

/** How many emits of a key are combined, and how many after that each time. */
export interface GroupSizes {
  readonly first: number;
  readonly next: number;
}

export const groupSizes: Readonly<Record<CombineMode, GroupSizes>> = {
  off: { first: 1, next: 1 },
  on: { first: Infinity, next: Infinity },
  everywhere: { first: 1, next: 2 },
};
