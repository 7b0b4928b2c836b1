/** A job where its tasks run: definition, parameters, plan and state, each made once and used by all its tasks there. */
import { systemClock, within } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import { limits } from '../../shared/limits.js';
import type { Plan } from '../../shared/plan.js';
import type { TaskIo } from '../ports.js';
import { SetupContext } from './user-context.js';
import { userError, type MapStack } from './user-errors.js';

export interface LoadedJob {
  readonly definition: LoadedDefinition;
  readonly mapStack: MapStack;
}

export class JobRuntime {
  readonly job: JobId;
  readonly definition: LoadedDefinition;
  readonly mapStack: MapStack;
  private readonly io: TaskIo;
  private prepared: Promise<Prepared> | undefined;

  constructor(job: JobId, { definition, mapStack }: LoadedJob, io: TaskIo) {
    this.job = job;
    this.definition = definition;
    this.mapStack = mapStack;
    this.io = io;
  }

  /** Plan, parameters and what `setup` returned. A failure is not kept: the store may be back at the next attempt. */
  prepare(signal: AbortSignal): Promise<Prepared> {
    this.prepared ??= this.prepareOnce(signal).catch((error: unknown) => {
      this.prepared = undefined;
      throw error;
    });
    return this.prepared;
  }

  private async prepareOnce(signal: AbortSignal): Promise<Prepared> {
    const plan = await this.io.plan();
    const { params } = plan;
    return { plan, params, state: await this.setUp(new SetupContext(params, signal)) };
  }

  private async setUp(context: SetupContext): Promise<unknown> {
    const { setup } = this.definition;
    if (!setup) return undefined;
    try {
      const setting = Promise.resolve(setup(context));
      return await within(systemClock, limits.setupMsMax, setting, () => {
        return new GristmillError('setup-failed', `setup did not end within ${limits.setupMsMax / 1_000} s`);
      });
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
