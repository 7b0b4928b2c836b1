/** Runs a job as a user would, through the command, measures all its processes, and reads what it left. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gristmill } from '../../../bench/machine.js';
import { measure, type Measurement } from '../../../bench/measure.js';
import { parseManifest, type OutputManifest } from '../../../shared/codec/manifest.js';

export interface JobRun {
  /** Of the job file and the output; a second run of the same name takes the place of the first. */
  readonly name: string;
  /** The text of the job file. */
  readonly definition: string;
  readonly executors: number;
  readonly folder: string;
}

export interface JobResult {
  readonly measurement: Measurement;
  readonly manifest: OutputManifest;
  /** Of what did not fit into memory. */
  readonly bytesSpilled: number;
  /** Paths of the part files, in the order of the partitions. */
  readonly parts: readonly string[];
}

export async function runJob({ name, definition, executors, folder }: JobRun): Promise<JobResult> {
  const job = join(folder, `${name}.ts`);
  const output = join(folder, `out-${name}`);
  const store = join(folder, `store-${name}`);
  rmSync(output, { recursive: true, force: true });
  writeFileSync(job, definition);
  const measurement = await measure(
    {
      program: process.execPath,
      args: [
        ...[gristmill, 'run', job, '--quiet', '--workers', String(executors)],
        ...['--output', output, '--store', store],
      ],
      cwd: folder,
    },
    { memory: true },
  );
  rmSync(store, { recursive: true, force: true });
  if (!existsSync(join(output, '_SUCCESS'))) throw new Error(`${name} ended well and left no _SUCCESS`);
  const manifest = parseManifest(readFileSync(join(output, '_manifest.json')));
  const counts: Readonly<Record<string, unknown>> = { ...manifest.counts };
  const bytesSpilled = Number(counts['bytesSpilled'] ?? 0);
  const parts = readdirSync(output).filter((file) => file.startsWith('part-'));
  return { measurement, manifest, bytesSpilled, parts: parts.sort().map((file) => join(output, file)) };
}

/** Of a file of any size. */
function fileDigest(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(1024 * 1024);
  const file = openSync(path, 'r');
  for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  closeSync(file);
  return hash.digest('hex');
}

/** One digest for all part files, in order: equal exactly when each part has the same bytes. */
export function partsDigest({ parts }: JobResult): string {
  return createHash('sha256').update(parts.map(fileDigest).join()).digest('hex');
}
