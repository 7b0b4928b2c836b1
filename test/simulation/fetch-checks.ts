/** What is checked of lost shuffle objects and of generations, from the journal's records and from what was harmed. */
import type { JournalRecord } from '../../coordinator/scheduler/records.js';
import { attemptParts, type AttemptId, type JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { World } from './world.js';

type About<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>;

export class FetchChecks {
  readonly #world: World;
  /** What each map task's last winner said of its output. */
  readonly #digests = new Map<string, bigint>();
  readonly #generations = new Map<JobId, number>();
  /** Shuffle objects that were harmed, by job and map task. */
  readonly #harmed = new Map<string, Set<string>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A shuffle object is lost or changed behind everybody's back. */
  onHarm(key: string): void {
    const [, , job = '', , attempt = ''] = key.split('/');
    const task = `${job}/${attemptParts(attempt as AttemptId).task}`;
    this.#harmed.set(task, (this.#harmed.get(task) ?? new Set()).add(key));
  }

  /** True when a map task of the job has lost more objects than it may run again for. */
  isHarmedTooOften(job: JobId): boolean {
    const tasks = [...this.#harmed].filter(([task]) => task.startsWith(`${job}/`));
    return tasks.some(([, keys]) => keys.size > limits.mapRerunsMax);
  }

  /** `winner`: of the map task, as it was. */
  onLost({ job, attempt, reader }: About<'map-lost'>, winner: string | undefined): void {
    const { task, kind } = attemptParts(attempt);
    if (kind !== 'map' || winner !== attempt) {
      this.#world.violate(`${reader} says that ${attempt} is lost, which has not won`);
    }
    const keys = [...(this.#harmed.get(`${job}/${task}`) ?? [])];
    if (!keys.some((key) => key.endsWith(`/${attempt}`))) {
      this.#world.violate(`nothing has harmed what ${attempt} wrote`);
    }
    this.#world.count('map object lost and found out');
  }

  /** True when another output of a map task begins a generation: then what was reduced before it is void. */
  onWon({ job, attempt, result }: About<'task-won'>): boolean {
    const { task } = attemptParts(attempt);
    const generation = this.#generations.get(job) ?? 0;
    if (result.kind === 'reduce' && (result.generation ?? 0) !== generation) {
      this.#world.violate(`${attempt} wins for generation ${result.generation ?? 0}, and the job is in ${generation}`);
    }
    if (result.kind !== 'map') return false;
    const digest = this.#digests.get(`${job}/${task}`);
    this.#digests.set(`${job}/${task}`, result.digest);
    if (digest === undefined || digest === result.digest) return false;
    this.#generations.set(job, generation + 1);
    this.#world.count('generation begun');
    return true;
  }
}
