/** Workers that are killed in the middle of a batch: their share of the slots is lost, and nothing that was finished. */
import { end } from '../../harness/cluster.js';
import { attemptsOf, Fleet, ratio, rerunsOf } from './fleet.js';
import type { Program } from './program.js';

/** By so much the batch may be longer than the lost slots make it. */
const slackMost = 1.05;

export const deadWorkers: Program = async ({ small, number, verdicts }) => {
  const workers = number('workers', 40, 6);
  const tasks = number('tasks', 2000, 36);
  const killed = Math.max(1, Math.floor(workers / 8));
  const taskMs = small ? 250 : 1000;
  const fleet = await Fleet.start(workers);
  try {
    const calm = await fleet.run({ name: 'calm', tasks, taskMs });
    verdicts.judge('undisturbed: right', calm.wrong === undefined, calm.wrong ?? `${calm.seconds.toFixed(1)} s`);
    const victims = fleet.cluster.workers.slice(0, killed);
    let won = 0;
    let wonAtKill = 0;
    const hit = await fleet.run({ name: 'hit', tasks, taskMs }, (event) => {
      if (event.type !== 'attempt' || !event.won) return;
      won++;
      if (wonAtKill > 0 || won < tasks / 2) return;
      wonAtKill = won;
      for (const victim of victims) void end(victim, 'SIGKILL');
    });
    verdicts.judge(
      `${killed} of ${workers} workers killed at half: right`,
      hit.wrong === undefined && wonAtKill > 0,
      hit.wrong ?? `${hit.seconds.toFixed(1)} s, killed after ${wonAtKill} tasks`,
    );
    const again = rerunsOf(hit.events);
    verdicts.judge(
      'no finished task ran again',
      again.length === 0,
      `${again.length} of ${attemptsOf(hit.events).length} attempts`,
    );
    // Half of the batch is done by all, the other half by those that are left, one wave of tasks after the other.
    const lawful = ((tasks / 2 / workers + Math.ceil(tasks / 2 / (workers - killed))) * workers) / tasks;
    const found = `${ratio(hit.seconds, calm.seconds)} times undisturbed; the lost slots alone make ${lawful.toFixed(3)}`;
    if (small) verdicts.note(found);
    else
      verdicts.judge(
        'it takes no longer than the lost slots make it',
        hit.seconds <= slackMost * lawful * calm.seconds,
        found,
      );
  } finally {
    const left = await fleet.end();
    verdicts.judge('nothing is left', left.length === 0, left.slice(0, 5).join(', ') || 'no process, no file');
  }
};
