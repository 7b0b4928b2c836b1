/** Two jobs that run at a time share the slots by their weights, though one came first. */
import { setTimeout as delay } from 'node:timers/promises';
import { attemptsOf, Fleet, ratio, type BatchResult } from './fleet.js';
import type { Program } from './program.js';

/** What a share may be off by, of what it should be. */
const equalMost = 0.2;
const weightedMost = 0.15;

interface Pair {
  readonly name: string;
  readonly weights: readonly [number, number];
  readonly most: number;
}

/** Tasks that each job won while both had some to give out. */
function wonTogether(first: BatchResult, second: BatchResult): readonly [number, number] {
  const spans = [first, second].map(({ events }) =>
    attemptsOf(events).filter(({ attempt, won }) => won && attempt.startsWith('map')),
  );
  const from = Math.max(...spans.map((attempts) => attempts[0]?.atMs ?? 0));
  const to = Math.min(...spans.map((attempts) => attempts.at(-1)?.atMs ?? 0));
  const [a = 0, b = 0] = spans.map((attempts) => attempts.filter(({ atMs }) => atMs > from && atMs <= to).length);
  return [a, b];
}

export const fairShare: Program = async ({ small, number, verdicts }) => {
  const workers = number('workers', 20, 4);
  const tasks = number('tasks', 400, 40);
  const taskMs = small ? 150 : 500;
  const apartMs = small ? 500 : 5000;
  const fleet = await Fleet.start(workers);
  const judge = async ({ name, weights, most }: Pair) => {
    const [weightOfFirst, weightOfSecond] = weights;
    const first = fleet.run({ name: `${name}-first`, tasks: 2 * tasks, taskMs, weight: weightOfFirst });
    await delay(apartMs);
    const second = fleet.run({ name: `${name}-second`, tasks, taskMs, weight: weightOfSecond });
    const results = [await first, await second] as const;
    const wrong = results.map((result) => result.wrong).find((text) => text !== undefined);
    verdicts.judge(
      `${name}: both right`,
      wrong === undefined,
      wrong ?? results.map(({ seconds }) => `${seconds.toFixed(1)} s`).join(', '),
    );
    const [a, b] = wonTogether(...results);
    const due = weightOfFirst / (weightOfFirst + weightOfSecond);
    const off = Math.abs(a / (a + b) / due - 1);
    const found = `${a} and ${b} tasks while both ran: the first has ${ratio(a, a + b)} where ${due.toFixed(2)} is due`;
    if (small) verdicts.note(`${name}: ${found}`);
    else verdicts.judge(`${name}: shares are kept`, off <= most, found);
  };
  try {
    await judge({ name: 'equal', weights: [1, 1], most: equalMost });
    await judge({ name: 'three-to-one', weights: [3, 1], most: weightedMost });
  } finally {
    const left = await fleet.end();
    verdicts.judge('nothing is left', left.length === 0, left.slice(0, 5).join(', ') || 'no process, no file');
  }
};
