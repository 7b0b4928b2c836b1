/** A journal as a coordinator leaves it that has served many jobs: written by the real writer, with the real snapshots. */
import { Journal } from '../../coordinator/journal.js';
import { JournalUpkeep } from '../../coordinator/journal-upkeep.js';
import { lead } from '../../coordinator/leadership.js';
import { evolve } from '../../coordinator/scheduler/evolve.js';
import type { JournalRecord, Step } from '../../coordinator/scheduler/records.js';
import { systemClock } from '../../shared/clock.js';
import type { GristmillError } from '../../shared/errors.js';
import { parseJobId } from '../../shared/ids.js';
import type { ObjectStore } from '../../shared/store/object-store.js';

const STEPS: readonly Step[] = ['audit-kept', 'shuffle-swept'];
const PUT_AWAY: readonly Step[] = ['job-swept', 'bundle-swept', 'forgotten', 'evidence-swept'];

/** The whole life of one job in a few records; every hundredth is not forgotten. */
function lifeOf(number: number): readonly JournalRecord[] {
  const job = parseJobId(`job${number.toString(36).padStart(9, '0')}`);
  const about = { job, atMs: number } as const;
  const done = (step: Step): JournalRecord => ({ type: 'step-done', ...about, step });
  const moved = (to: 'cancelled' | 'archived'): JournalRecord => ({
    type: 'job-moved',
    ...about,
    to,
    reason: 'it is over',
    failure: undefined,
  });
  const request = { requestId: `request-${number}`, name: 'history', codeVersion: 'c'.repeat(64), params: { number } };
  const rest = { inputs: [], output: undefined, baseUri: 'file:///', overwrite: false, limitRecords: undefined };
  return [
    { type: 'job-submitted', ...about, request: { ...request, ...rest, dryRun: false } },
    moved('cancelled'),
    ...STEPS.map(done),
    ...(number % 100 === 0 ? [] : [moved('archived'), ...PUT_AWAY.map(done)]),
  ];
}

/** Writes so many slots, one record each, the fence among them. Returns how many jobs are left. */
export async function writeHistory(store: ObjectStore, slots: number): Promise<number> {
  const random = () => 0.5;
  const { durable, nextSlot, epoch, since } = await lead({ store, clock: systemClock, random, writer: 'h', host: 'h' });
  const stop = new AbortController();
  const options = { store, clock: systemClock, random, durable, signal: stop.signal, log: { warn: () => undefined } };
  let failure: GristmillError | undefined;
  let isDurable: () => void = () => undefined;
  const journal: Journal = new Journal({
    ...options,
    epoch,
    writer: 'h',
    nextSlot,
    onSlot: (written) => upkeep.onSlot(written),
    onDurable: () => isDurable(),
    onHalt: (error) => (failure = error),
  });
  const upkeep = new JournalUpkeep({ ...options, cut: () => journal.cut(), onTaken: () => undefined }, since);
  let left = slots - 1;
  for (let job = 0; left > 0; job++) {
    for (const record of lifeOf(job).slice(0, left)) {
      evolve(durable, record);
      const written = new Promise<void>((resolve) => (isDurable = resolve));
      journal.append([record]);
      await written;
      left--;
    }
  }
  await journal.close();
  await upkeep.close();
  if (failure) throw failure;
  return durable.jobs.size;
}
