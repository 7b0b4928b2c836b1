/** A coordinator that is killed again and again while a long batch runs: its successors lose nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../../shared/limits.js';
import { end } from '../../harness/cluster.js';
import { attemptsOf, Fleet, ratio, rerunsOf } from './fleet.js';
import type { Program } from './program.js';

const timesUndisturbedMost = 1.3;

export const coordinatorKills: Program = async ({ small, number, verdicts }) => {
  const workers = number('workers', 40, 4);
  const tasks = number('tasks', 20_000, 80);
  const taskMs = 500;
  // A successor waits up to `recoveryMs` for its predecessor's workers: one that lives no longer may get nowhere.
  const everyMs = small ? 2 * limits.recoveryMs : 20_000;
  const fleet = await Fleet.start(workers);
  try {
    const calm = await fleet.run({ name: 'calm', tasks, taskMs });
    verdicts.judge('undisturbed: right', calm.wrong === undefined, calm.wrong ?? `${calm.seconds.toFixed(1)} s`);
    const over = new AbortController();
    let kills = 0;
    const killing = (async () => {
      for (;;) {
        await delay(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
        const { coordinator } = fleet.cluster;
        if (over.signal.aborted || !coordinator) return;
        await end(coordinator, 'SIGKILL');
        kills++;
        await fleet.cluster.startCoordinator();
      }
    })();
    const hit = await fleet.run({ name: 'hit', tasks, taskMs }).finally(() => over.abort());
    await killing;
    verdicts.judge(
      `killed ${kills} times: right`,
      hit.wrong === undefined && kills > 0,
      hit.wrong ?? `${hit.seconds.toFixed(1)} s, ${kills} kills`,
    );
    const again = rerunsOf(hit.events);
    verdicts.judge(
      'every finished task was kept',
      again.length === 0,
      `${again.length} of ${attemptsOf(hit.events).length} attempts`,
    );
    const found = `${ratio(hit.seconds, calm.seconds)} times undisturbed`;
    if (small) verdicts.note(found);
    else verdicts.judge('it goes on soon', hit.seconds <= timesUndisturbedMost * calm.seconds, found);
  } finally {
    const left = await fleet.end();
    verdicts.judge('nothing is left', left.length === 0, left.slice(0, 5).join(', ') || 'no process, no file');
  }
};
