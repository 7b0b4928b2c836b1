/**
 * Runs one command to its exit and measures it from outside.
 *
 * Wall time is the monotonic clock around spawn and exit. CPU time is what the kernel adds to this process's account of
 * waited-for children (`cutime` and `cstime` of /proc/self/stat): the command and every descendant that its parent waited
 * for, in ticks of 10 ms; a process that outlives its parent is not in it. Memory is looked at every 50 ms
 * (`resident.ts`). CPU and memory are undefined where there is no /proc.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { canSeeMemory, ResidentWatch, statFields, type ProcessPeak } from './resident.js';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Measurement {
  readonly wallMs: number;
  readonly cpuMs: number | undefined;
  /** Of the command and its descendants together. */
  readonly peakRssBytes: number | undefined;
  /** The command and each of its descendants that a look found. */
  readonly processes: readonly ProcessPeak[];
}

const tickMs = 10;
const lookMs = 50;
const printedCharactersMax = 10_000;

function childrenCpuMs(): number | undefined {
  const fields = statFields('self');
  return fields === undefined ? undefined : (Number(fields[13]) + Number(fields[14])) * tickMs;
}

/** Fails unless the command exits with 0; what it printed last is in the message. */
export async function measure(command: Command, options: { readonly memory?: boolean } = {}): Promise<Measurement> {
  const cpuBefore = childrenCpuMs();
  const began = performance.now();
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: command.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const looksAtMemory = options.memory === true && canSeeMemory && child.pid !== undefined;
  const watch = looksAtMemory ? new ResidentWatch(child.pid) : undefined;
  const timer = watch === undefined ? undefined : setInterval(() => watch.look(), lookMs);
  try {
    const exitedAt = await successOf(child, `${command.program} ${command.args.join(' ')}`);
    const cpuAfter = childrenCpuMs();
    const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    const processes = watch?.processes ?? [];
    return { wallMs: exitedAt - began, cpuMs, peakRssBytes: watch?.peakSumBytes, processes };
  } finally {
    clearInterval(timer);
  }
}

/** When the child exited, by the monotonic clock. */
function successOf(child: ChildProcessByStdio<null, Readable, Readable>, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = '';
    let exitedAt = 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => (printed = (printed + text).slice(-printedCharactersMax)));
    }
    child.on('error', reject);
    child.on('exit', () => (exitedAt = performance.now()));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(exitedAt);
      else reject(new Error(`${name}: exit ${code ?? signal ?? '?'}\n${printed}`));
    });
  });
}
