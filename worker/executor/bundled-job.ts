/** The definition of a job from its bundle, as an executor loads it. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { loadDefinition } from '../../shared/job/load.js';
import { userStackMapper } from '../../shared/job/user-stack.js';
import type { LoadedJob } from '../task/job-runtime.js';
import type { UserIo } from './user-io.js';

export async function loadBundledJob(codeVersion: string, io: UserIo): Promise<LoadedJob> {
  const path = io.bundle(codeVersion);
  const mapStack = userStackMapper(pathToFileURL(path).href, () => readFileSync(path, 'utf8'));
  return { definition: await loadDefinition(path), mapStack };
}
