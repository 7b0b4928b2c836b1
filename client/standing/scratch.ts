/**
 * The scratch folder of a worker: `gristmill-worker-<random>` below the one it is given, with its owner in it. A worker that
 * was killed cannot remove its own; the next one that starts or ends there does.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GristmillError } from '../../shared/errors.js';
import { ownerIsDead, type Owner } from '../../shared/store/owner.js';

const PREFIX = 'gristmill-worker-';
const OWNER_FILE = 'owner.json';

export interface WorkerScratch {
  /** For executors; the agent makes and removes it. */
  readonly path: string;
  remove(): void;
}

/** Throws `store-denied` where nothing can be written. */
export function makeScratch(parent: string, owner: Owner, random: Uint8Array): WorkerScratch {
  const folder = join(parent, PREFIX + Buffer.from(random).toString('hex'));
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, OWNER_FILE), JSON.stringify(owner));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('store-denied', `cannot use the scratch folder ${parent}: ${reason}`, { cause });
  }
  sweepScratch(parent);
  return {
    path: join(folder, 'executors'),
    remove() {
      rmSync(folder, { recursive: true, force: true });
      sweepScratch(parent);
    },
  };
}

/** Removes what dead workers left; of what is not certain, and what another user owns, nothing. */
function sweepScratch(parent: string): void {
  for (const name of readdirSync(parent).filter((found) => found.startsWith(PREFIX))) {
    const folder = join(parent, name);
    try {
      const owner = JSON.parse(readFileSync(join(folder, OWNER_FILE), 'utf8')) as Owner;
      if (ownerIsDead(owner)) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Without a readable owner nothing is certain.
    }
  }
}
