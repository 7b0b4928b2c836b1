/** Tells the kernel of which parts the states of a task are made. */
import type { Layout } from '../codec/state.js';
import type { Kernel } from './kernel.js';

const PART_IDS = { count: 1, sum: 2, min: 3, max: 4 } as const;

export function setLayout({ exports }: Kernel, layout: Layout): void {
  exports.layoutBegin();
  for (const part of layout) exports.layoutPart(PART_IDS[part]);
}
