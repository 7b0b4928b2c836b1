/** The first N records in input order, as ends of inputs: one plan for all, cut before anything is split. */
import type { PlannedInput } from '../plan.js';
import type { Locator } from '../store/stores.js';

const NEWLINE = 0x0a;

/**
 * The inputs up to the end of record `records`: a newline ends a record, and so does the end of an input. A header is no
 * record.
 */
export async function limitInputs(
  inputs: readonly PlannedInput[],
  records: number,
  stores: Locator,
): Promise<PlannedInput[]> {
  const kept: PlannedInput[] = [];
  let left = records;
  for (const input of inputs) {
    if (left <= 0) break;
    const { end, found } = await endOfRecords(input, left, stores);
    kept.push({ ...input, end });
    left -= found;
  }
  return kept;
}

async function endOfRecords(
  input: PlannedInput,
  wanted: number,
  stores: Locator,
): Promise<{ end: number; found: number }> {
  const { store, key } = stores.locate(input.uri);
  const start = Math.min(input.header?.end ?? 0, input.end);
  let offset = start;
  let found = 0;
  let isOpen = false;
  for await (const piece of store.stream(key, { range: { start, end: input.end } })) {
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) {
      found += 1;
      if (found === wanted) return { end: offset + at + 1, found };
    }
    isOpen = piece.at(-1) !== NEWLINE;
    offset += piece.length;
  }
  return { end: input.end, found: isOpen ? found + 1 : found };
}
