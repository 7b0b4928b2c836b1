/** What a job says while it runs, and what must hold of it whatever was done to its containers. */
import { expect } from 'vitest';
import { eventually, events, type Ended, type Running } from './command.js';

interface AttemptSaid {
  readonly task: string;
  readonly attempt: string;
  readonly won: boolean;
  readonly code: string | undefined;
}

export function attemptsIn(stdout: string): readonly AttemptSaid[] {
  return events(stdout.slice(0, stdout.lastIndexOf('\n') + 1))
    .filter(({ type }) => type === 'attempt')
    .map((event) => {
      const attempt = String(event['attempt']);
      const failure = event['failure'] as { readonly code: string } | null | undefined;
      return { task: attempt.replace(/\..*/, ''), attempt, won: event['won'] === true, code: failure?.code };
    });
}

/** Resolves when so many tasks are done; rejects when the job ends before. */
export async function tasksDone(running: Running, tasks: number): Promise<void> {
  const { child } = running;
  const isEnough = () => attemptsIn(running.stdout).filter(({ won }) => won).length >= tasks;
  await eventually(() => child.exitCode !== null || isEnough());
  if (child.exitCode !== null)
    throw new Error(`the job ended before ${tasks} tasks were done: ${running.stderr}${running.stdout.slice(-2000)}`);
}

/** A task that is done is done: it has one winner, and nothing of it runs after that. */
export function expectNothingAgain(stdout: string): void {
  const done = new Set<string>();
  for (const { task, attempt } of attemptsIn(stdout).filter(({ won }) => won)) {
    expect(done, `${attempt} is a second winner`).not.toContain(task);
    done.add(task);
  }
  const order = new Map<string, boolean>();
  for (const { task, attempt, won } of attemptsIn(stdout)) {
    expect(order.get(task) ?? false, `${attempt} ended after its task was done`).toBe(false);
    order.set(task, won);
  }
}

/** The whole result is what the plainest program counts, and no finished task was run again. */
export async function expectCounted(
  ended: Ended,
  counted: ReadonlyMap<string, number>,
  resultsOf: (job: string) => Promise<Ended>,
): Promise<void> {
  const job = completed(ended);
  expectNothingAgain(ended.stdout);
  const results = await resultsOf(job);
  expect(results.code, results.stderr).toBe(0);
  const rows = events(results.stdout).map(({ key, value }) => [key, value] as [string, number]);
  expect(rows).toHaveLength(counted.size);
  expect(new Map(rows)).toEqual(counted);
}

/** The id of a job that completed. */
export function completed({ code, stdout, stderr }: Ended): string {
  expect(code, stderr + stdout.slice(-2000)).toBe(0);
  const outcome = events(stdout).find(({ type }) => type === 'outcome')?.['outcome'] as {
    readonly job: string;
    readonly state: string;
  };
  expect(outcome.state).toBe('completed');
  return outcome.job;
}
