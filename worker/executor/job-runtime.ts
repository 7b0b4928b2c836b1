/** A job in its executor: definition, parameters, plan and state, each made once and used by all its tasks. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import { loadDefinition } from '../../shared/job/load.js';
import { userStackMapper } from '../../shared/job/user-stack.js';
import type { Plan } from '../../shared/plan.js';
import { SetupContext } from '../task/user-context.js';
import { userError, type MapStack } from '../task/user-errors.js';
import type { UserIo } from './user-io.js';

export class JobRuntime {
  readonly job: JobId;
  readonly definition: LoadedDefinition;
  readonly mapStack: MapStack;
  private readonly io: UserIo;
  private prepared: Promise<Prepared> | undefined;

  private constructor(job: JobId, definition: LoadedDefinition, mapStack: MapStack, io: UserIo) {
    this.job = job;
    this.definition = definition;
    this.mapStack = mapStack;
    this.io = io;
  }

  static async load(job: JobId, codeVersion: string, io: UserIo): Promise<JobRuntime> {
    const path = io.call({ name: 'bundle', sha256: codeVersion }) as string;
    const mapStack = userStackMapper(pathToFileURL(path).href, () => readFileSync(path, 'utf8'));
    return new JobRuntime(job, await loadDefinition(path), mapStack, io);
  }

  /** Plan, parameters and what `setup` returned; a failure stays one for every task of this executor. */
  prepare(signal: AbortSignal): Promise<Prepared> {
    this.prepared ??= this.prepareOnce(signal);
    return this.prepared;
  }

  private async prepareOnce(signal: AbortSignal): Promise<Prepared> {
    const plan = this.io.call({ name: 'plan' }) as Plan;
    const { params } = plan;
    const { setup } = this.definition;
    if (!setup) return { plan, params, state: undefined };
    try {
      return { plan, params, state: await setup(new SetupContext(params, signal)) };
    } catch (error) {
      if (error instanceof GristmillError && error.code === 'not-built-yet') throw error;
      throw userError(error, 'setup-failed', 'setup', this.mapStack);
    }
  }
}

export interface Prepared {
  readonly plan: Plan;
  readonly params: unknown;
  readonly state: unknown;
}
