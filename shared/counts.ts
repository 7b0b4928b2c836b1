/** The counts of the protocol: what an attempt did, as data that adds up. Conservation laws are checked on the sums. */

const U64 = (1n << 64n) - 1n;

/** Plain numbers are exact integers below 2^53; sums of xxh64 wrap at 2^64. */
export interface Counts {
  readonly recordsRead: number;
  readonly recordsMapped: number;
  readonly recordsFiltered: number;
  readonly recordsBad: number;
  readonly bytesRead: number;
  readonly emitted: number;
  readonly combinedIn: number;
  readonly combinedOut: number;
  readonly shuffledOutRecords: number;
  readonly shuffledOutWeight: number;
  readonly shuffledOutSum: bigint;
  readonly shuffledInRecords: number;
  readonly shuffledInWeight: number;
  readonly shuffledInSum: bigint;
  readonly groups: number;
  readonly rows: number;
  readonly rowsWritten: number;
  readonly bytesShuffled: number;
  readonly bytesWritten: number;
  /** Results that are sums past 2^53 and had to be rounded. */
  readonly inexact: number;
  /** Written to local files by map tasks and merge passes. */
  readonly bytesSpilled: number;
  /** The job's own counters. */
  readonly user: Readonly<Record<string, number>>;
}

export const zeroCounts: Counts = {
  recordsRead: 0,
  recordsMapped: 0,
  recordsFiltered: 0,
  recordsBad: 0,
  bytesRead: 0,
  emitted: 0,
  combinedIn: 0,
  combinedOut: 0,
  shuffledOutRecords: 0,
  shuffledOutWeight: 0,
  shuffledOutSum: 0n,
  shuffledInRecords: 0,
  shuffledInWeight: 0,
  shuffledInSum: 0n,
  groups: 0,
  rows: 0,
  rowsWritten: 0,
  bytesShuffled: 0,
  bytesWritten: 0,
  inexact: 0,
  bytesSpilled: 0,
  user: {},
};

/** Counts that were added to the protocol later: in what was stored before, they are missing and mean 0. */
export const laterCounts: readonly (keyof Counts)[] = ['inexact', 'bytesSpilled'];

export function addCounts(a: Counts, b: Counts): Counts {
  const sum: Record<string, unknown> = {};
  const added: Partial<Counts> = b; // what was stored before there were later counts has none
  for (const [name, left] of Object.entries(a)) {
    const right: unknown = added[name as keyof Counts] ?? (typeof left === 'number' ? 0 : 0n);
    if (typeof left === 'number') sum[name] = left + (right as number);
    else if (typeof left === 'bigint') sum[name] = (left + (right as bigint)) & U64;
  }
  const user: Record<string, number> = { ...a.user };
  for (const [name, count] of Object.entries(b.user)) user[name] = (user[name] ?? 0) + count;
  return { ...(sum as unknown as Counts), user };
}

/** What is left when `b`, which was added before, is taken out again. */
export function subtractCounts(a: Counts, b: Counts): Counts {
  const rest: Record<string, unknown> = {};
  const taken: Partial<Counts> = b;
  for (const [name, left] of Object.entries(a)) {
    const right: unknown = taken[name as keyof Counts] ?? (typeof left === 'number' ? 0 : 0n);
    if (typeof left === 'number') rest[name] = left - (right as number);
    else if (typeof left === 'bigint') rest[name] = (left - (right as bigint)) & U64;
  }
  const user: Record<string, number> = {};
  for (const [name, count] of Object.entries(a.user)) {
    const left = count - (b.user[name] ?? 0);
    if (left !== 0) user[name] = left;
  }
  return { ...(rest as unknown as Counts), user };
}

/** One conservation law with its figures. */
export interface Law {
  readonly name: string;
  readonly left: string;
  readonly right: string;
  readonly holds: boolean;
}

/** The conservation laws over the sums of winning attempts. */
export function balance(counts: Counts, kind: 'reduce' | 'map-only'): readonly Law[] {
  const c = counts;
  const law = (name: string, left: number | bigint, right: number | bigint): Law => ({
    name,
    left: String(left),
    right: String(right),
    holds: left === right,
  });
  const laws = [
    law('read = mapped + filtered + bad', c.recordsRead, c.recordsMapped + c.recordsFiltered + c.recordsBad),
  ];
  if (kind === 'reduce') {
    laws.push(
      law('emitted = combined in', c.emitted, c.combinedIn),
      law('emitted = weight shuffled out', c.emitted, c.shuffledOutWeight),
      law('combined out = records shuffled out', c.combinedOut, c.shuffledOutRecords),
      law('records shuffled out = in', c.shuffledOutRecords, c.shuffledInRecords),
      law('weight shuffled out = in', c.shuffledOutWeight, c.shuffledInWeight),
      law('checksum shuffled out = in', c.shuffledOutSum, c.shuffledInSum),
    );
  } else {
    laws.push(law('emitted = rows', c.emitted, c.rows));
  }
  laws.push(law('rows = rows in the files', c.rows, c.rowsWritten));
  return laws;
}
