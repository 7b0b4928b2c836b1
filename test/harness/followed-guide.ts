/** A guide, followed to the letter in a checkout of its own: each command succeeds and shows what the guide shows. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { repository } from './command.js';
import { run } from './docker.js';

export interface Step {
  readonly commands: string;
  /** Lines of which each `...` may be anything, in their order. */
  readonly shown: readonly string[];
}

/** The steps of the chapters of docs/guide/`name` whose titles are given, in the order of the guide. */
export function stepsOf(name: string, chapters: readonly string[]): readonly Step[] {
  const [, ...all] = readFileSync(join(repository, 'docs/guide', name), 'utf8').split(/^## /m);
  const titles = all.map((chapter) => chapter.slice(0, chapter.indexOf('\n')));
  expect(titles).toEqual(expect.arrayContaining([...chapters]));
  return all.filter((_, i) => chapters.includes(titles[i] ?? '')).flatMap(stepsIn);
}

function stepsIn(chapter: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, kind, text = ''] of chapter.matchAll(/```(sh|text)\n([\s\S]*?)```/g)) {
    const last = steps.at(-1);
    if (kind === 'sh') steps.push({ commands: text, shown: [] });
    else if (last) steps.splice(-1, 1, { ...last, shown: text.trimEnd().split('\n') });
  }
  return steps;
}

/** What git has, and what it would take. */
export async function checkOut(checkout: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = (await run('git', list, { directory: repository })).split('\0').filter((name) => name !== '');
  for (const file of files) cpSync(join(repository, file), join(checkout, file));
}

/** Runs the steps in one shell, as a reader has: what is exported stays. */
export async function follow(
  steps: readonly Step[],
  place: { readonly directory: string; readonly variables?: NodeJS.ProcessEnv },
): Promise<void> {
  const marks = steps.map((_, i) => `=== after step ${i} ===`);
  const script = steps.map(({ commands }, i) => `${commands}\necho '${marks[i] ?? ''}'`).join('\n');
  let rest = await run('bash', ['-euo', 'pipefail', '-c', script], place);
  for (const [i, { shown }] of steps.entries()) {
    const [step = '', ...after] = rest.split(marks[i] ?? '');
    rest = after.join(marks[i]);
    let below = step;
    for (const line of shown) {
      const found = patternOf(line).exec(below);
      expect(found, `${line} is not shown, in its order, by ${step}`).not.toBeNull();
      below = below.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
    }
  }
}

function patternOf(line: string): RegExp {
  const parts = line.split('...').map((part) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\s+/g, '\\s+'),
  );
  return new RegExp(parts.join('.*'));
}
