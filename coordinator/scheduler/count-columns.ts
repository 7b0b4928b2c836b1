/**
 * The counts of many tasks as columns, eight bytes for each count: they are asked for only when a task's output is
 * replaced, which is seldom, and there may be many tasks.
 */
import { zeroCounts, type Counts } from '../../shared/counts.js';

type Column = Float64Array | BigUint64Array;

export interface CountColumns {
  /** By the name of a count, each with a place for every task. */
  readonly columns: Readonly<Record<string, Column>>;
  /** The job's own counters, of tasks that have any. */
  readonly user: Map<number, Readonly<Record<string, number>>>;
}

export function emptyCountColumns(tasks: number): CountColumns {
  const columns: Record<string, Column> = {};
  for (const [name, zero] of Object.entries(zeroCounts)) {
    if (typeof zero === 'bigint') columns[name] = new BigUint64Array(tasks);
    else if (typeof zero === 'number') columns[name] = new Float64Array(tasks);
  }
  return { columns, user: new Map() };
}

export function setCounts({ columns, user }: CountColumns, task: number, counts: Counts): void {
  const values: Partial<Record<string, unknown>> = { ...zeroCounts, ...counts };
  for (const [name, column] of Object.entries(columns)) column[task] = values[name] as never;
  if (Object.keys(counts.user).length > 0) user.set(task, counts.user);
  else user.delete(task);
}

export function countsAt({ columns, user }: CountColumns, task: number): Counts {
  const values = Object.entries(columns).map(([name, column]) => [name, column[task]]);
  return { ...zeroCounts, ...(Object.fromEntries(values) as Partial<Counts>), user: user.get(task) ?? {} };
}
