/**
 * Gates: named points at which a fault test holds a process, so that it can be killed there and nowhere else.
 *
 * Without `GRISTMILL_GATES` (a directory) a gate is nothing. With it, a process that comes to gate `name` for which the
 * directory has a file `name.hold` writes `name.<pid>.reached` and waits until `name.hold` is gone.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay, systemClock } from './clock.js';

const directory = process.env['GRISTMILL_GATES'];
const POLL_MS = 5;

function arrive(name: string): string | undefined {
  if (directory === undefined) return undefined;
  const hold = join(directory, `${name}.hold`);
  if (!existsSync(hold)) return undefined;
  writeFileSync(join(directory, `${name}.${process.pid}.reached`), '');
  return hold;
}

/** Holds the thread itself, as a looping user function would. */
export function gateSync(name: string): void {
  const hold = arrive(name);
  if (hold === undefined) return;
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(hold)) Atomics.wait(word, 0, 0, POLL_MS);
}

/** Holds the caller; the process goes on. */
export async function gate(name: string): Promise<void> {
  const hold = arrive(name);
  if (hold === undefined) return;
  while (existsSync(hold)) await delay(systemClock, POLL_MS);
}
