/** Whole jobs through the command, with real executors, whose shuffle objects are damaged between map and reduce. */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../simulation/random.js';
import { events, repository, Workplace, type Ended } from './command.js';
import { damage, damages } from './damage.js';

export interface CorruptedRun {
  readonly ended: Ended;
  /** What was done to how many objects. */
  readonly what: string;
  readonly damaged: number;
  /** Map tasks that ran again because of it. */
  readonly reruns: number;
  readonly parts: Readonly<Record<string, string>>;
}

/** A place with a job of about eight map tasks and three partitions. */
export function corruptiblePlace(): Workplace {
  const place = new Workplace();
  mkdirSync(place.path('input'));
  const lines = Array.from({ length: 900 }, (_, i) => `word${i % 37} word${i % 11} the end of line ${i % 101}\n`);
  place.write('input/a.txt', lines.join(''));
  const job = join(repository, 'test/fixtures/faults/count.ts');
  copyFileSync(job, place.path('count.ts'));
  return place;
}

const RUN = ['run', 'count.ts', '--json', '--workers', '2', '--overwrite'];

/** Shuffle objects in the private store of the job that runs. */
export function shuffleObjects(place: Workplace): string[] {
  const files = place.files('.gristmill').filter((file) => /\/v1\/shuffle\/.*\/map-\d+\.\d+-\d+$/.test(file));
  return files.map((file) => join(place.path('.gristmill'), file));
}

/** Holds the job, so many times, when all map tasks have won, calls `change`, and lets it go on. */
export async function runChanged(
  place: Workplace,
  args: readonly string[],
  change: (paths: readonly string[]) => void,
  times = 1,
): Promise<Ended> {
  for (const file of place.files('gates')) rmSync(join(place.gates, file));
  // Each loss makes the next revision of the manifest, which has a gate of its own.
  const gates = Array.from({ length: times }, (_, revision) => `stage-manifest-0-${revision}`);
  for (const gate of gates) place.hold(gate);
  const running = place.start(args);
  for (const gate of gates) {
    await place.reached(gate);
    change(shuffleObjects(place));
    place.release(gate);
  }
  return running.ended;
}

/** The kind of damage goes round with the seed; every third seed damages a second object. */
export async function corruptedRun(place: Workplace, seed: number): Promise<CorruptedRun> {
  const random = new SeededRandom(seed);
  const kinds = Object.keys(damages);
  const chosen = [kinds[seed % kinds.length] ?? '', ...(seed % 3 === 0 ? [random.pick(kinds)] : [])];
  const damaged = new Set<string>();
  const ended = await runChanged(place, RUN, (paths) => {
    for (const kind of chosen)
      damaged.add(
        damage(
          paths.filter((path) => !damaged.has(path)),
          kind,
          random,
        ),
      );
  });
  const reruns = events(ended.stdout).filter((event) => event['code'] === 'map-lost').length;
  return { ended, what: chosen.join(' and '), damaged: damaged.size, reruns, parts: place.parts('out') };
}

/** What the job makes of its input when nothing is damaged. */
export async function undamagedParts(place: Workplace): Promise<Readonly<Record<string, string>>> {
  const ended = await place.run(...RUN);
  if (ended.code !== 0) throw new Error(`the job fails by itself: ${ended.stderr}`);
  return place.parts('out');
}
