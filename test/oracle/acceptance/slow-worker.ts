/** One worker of a fleet is many times slower than the others: backups take its tasks over late in the stage. */
import { Fleet, ratio, type BatchResult } from './fleet.js';
import type { Program } from './program.js';

const timesSlower = 30;
/** Of the batch without backups, and of the batch in which no worker is slow. */
const ofWithoutMost = 0.5;
const ofNoneSlowMost = 1.25;

export const slowWorker: Program = async ({ small, number, verdicts }) => {
  const workers = number('workers', 40, 6);
  const tasks = number('tasks', 400, 24);
  const taskMs = small ? 200 : 1000;
  const fleet = await Fleet.start(workers);
  try {
    const file = fleet.cluster.place.write('slow-worker', '');
    const run = async (name: string, speculate: boolean): Promise<BatchResult> => {
      const result = await fleet.run({ name, tasks, taskMs, speculate, slow: { file, times: timesSlower } });
      verdicts.judge(`${name}: right`, result.wrong === undefined, result.wrong ?? `${result.seconds.toFixed(1)} s`);
      return result;
    };
    const none = await run('none-slow', true);
    fleet.cluster.place.write('slow-worker', String(fleet.cluster.workers[0]?.pid));
    const without = await run('without-backups', false);
    const backed = await run('with-backups', true);
    const found = `${ratio(backed.seconds, without.seconds)} of the time without, ${ratio(backed.seconds, none.seconds)} of none slow`;
    const holds = backed.seconds <= ofWithoutMost * without.seconds && backed.seconds <= ofNoneSlowMost * none.seconds;
    if (small) verdicts.note(found);
    else verdicts.judge('backups make up for the slow worker', holds, found);
  } finally {
    const left = await fleet.end();
    verdicts.judge('nothing is left', left.length === 0, left.slice(0, 5).join(', ') || 'no process, no file');
  }
};
