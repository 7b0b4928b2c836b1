/**
 * Runs one command to its exit and measures it from outside.
 *
 * Wall time is the monotonic clock around spawn and exit. CPU time is what the kernel adds to this process's account of
 * waited-for children (`cutime` and `cstime` of /proc/self/stat): the command and every descendant that its parent waited
 * for, in ticks of 10 ms; a process that outlives its parent is not in it. Peak memory is the largest sum of the resident
 * sets of the command and its descendants, looked at every 100 ms: a shared page counts once for each process, and a peak
 * between two looks is missed. CPU and memory are undefined where there is no /proc.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Measurement {
  readonly wallMs: number;
  readonly cpuMs: number | undefined;
  readonly peakRssBytes: number | undefined;
}

const tickMs = 10;
const pageBytes = 4096;
const lookMs = 100;

/** The fields of a stat file after the command's name, which may hold anything. */
function stat(pid: number | 'self'): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function childrenCpuMs(): number | undefined {
  const fields = stat('self');
  return fields === undefined ? undefined : (Number(fields[13]) + Number(fields[14])) * tickMs;
}

function residentBytes(ancestor: number): number {
  const parents = new Map<number, { readonly parent: number; readonly bytes: number }>();
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? stat(Number(name)) : undefined;
    if (fields !== undefined) {
      parents.set(Number(name), { parent: Number(fields[1]), bytes: Number(fields[21]) * pageBytes });
    }
  }
  let sum = 0;
  for (const [pid, { bytes }] of parents) {
    let at: number | undefined = pid;
    while (at !== undefined && at !== ancestor) at = parents.get(at)?.parent;
    if (at === ancestor) sum += bytes;
  }
  return sum;
}

/** Fails unless the command exits with 0; what it printed to stderr is in the message. */
export async function measure(command: Command, options: { readonly memory?: boolean } = {}): Promise<Measurement> {
  const cpuBefore = childrenCpuMs();
  const looksAtMemory = options.memory === true && cpuBefore !== undefined;
  const began = performance.now();
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: command.env ?? process.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let peakRssBytes: number | undefined;
  const look = () => {
    if (child.pid !== undefined) peakRssBytes = Math.max(peakRssBytes ?? 0, residentBytes(child.pid));
  };
  const timer = looksAtMemory ? setInterval(look, lookMs) : undefined;
  try {
    const exitedAt = await successOf(child, `${command.program} ${command.args.join(' ')}`);
    const cpuAfter = childrenCpuMs();
    const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    return { wallMs: exitedAt - began, cpuMs, peakRssBytes };
  } finally {
    clearInterval(timer);
  }
}

/** When the child exited, by the monotonic clock. */
function successOf(child: ChildProcessByStdio<null, null, Readable>, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    let exitedAt = 0;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.on('error', reject);
    child.on('exit', () => (exitedAt = performance.now()));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(exitedAt);
      else reject(new Error(`${name}: exit ${code ?? signal ?? '?'}\n${complaint}`));
    });
  });
}
