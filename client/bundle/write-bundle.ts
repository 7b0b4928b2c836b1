/** `bundle`: a job's code in a file, for whoever submits it from elsewhere. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GristmillError } from '../../shared/errors.js';
import { formatBytes } from '../../shared/figures.js';
import { bundleJob } from './bundle.js';

export interface WriteBundle {
  readonly jobFile: string;
  readonly to: string;
  readonly json: boolean;
  /** The current directory. */
  readonly directory: string;
  readonly write: (text: string) => void;
}

/** The file is there as a whole or not at all, and never in the place of a source. */
export async function writeBundle({ jobFile, to, json, directory, write }: WriteBundle): Promise<number> {
  const target = resolve(directory, to);
  if (target === resolve(directory, jobFile)) {
    throw new GristmillError('command-line', `${to} is the job file itself\nhint: -o names another file`);
  }
  const { code, sha256, bytes } = await bundleJob(resolve(directory, jobFile));
  const draft = `${target}.${process.pid}`;
  try {
    writeFileSync(draft, code);
    renameSync(draft, target);
  } catch (cause) {
    rmSync(draft, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('output-unwritable', `cannot write ${to}: ${reason}`, { cause });
  }
  const told = { type: 'bundled', file: to, sha256, bytes };
  write(json ? `${JSON.stringify(told)}\n` : `${to}: ${formatBytes(bytes)}, sha256 ${sha256}\n`);
  return 0;
}
