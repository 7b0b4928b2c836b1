/** A job in its executor: definition, parameters, plan and state, each made once and used by all its tasks. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { systemClock, within } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import { loadDefinition } from '../../shared/job/load.js';
import { userStackMapper } from '../../shared/job/user-stack.js';
import { limits } from '../../shared/limits.js';
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

  /** Plan, parameters and what `setup` returned. A failure is not kept: the store may be back at the next attempt. */
  prepare(signal: AbortSignal): Promise<Prepared> {
    this.prepared ??= this.prepareOnce(signal).catch((error: unknown) => {
      this.prepared = undefined;
      throw error;
    });
    return this.prepared;
  }

  private async prepareOnce(signal: AbortSignal): Promise<Prepared> {
    const plan = this.io.call({ name: 'plan' }) as Plan;
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
