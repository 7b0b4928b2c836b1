/** Runs the built command as a user would: real processes, real signals, in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const program = join(repository, 'dist/client/main.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with its own temporary directory and gates; removed by `remove`. */
export class Workplace {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'gristmill-test-'));
  readonly temporary = join(this.folder, 'tmp');
  readonly gates = join(this.folder, 'gates');

  constructor() {
    mkdirSync(this.temporary);
    mkdirSync(this.gates);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  environment(): NodeJS.ProcessEnv {
    return { ...process.env, TMPDIR: this.temporary, GRISTMILL_GATES: this.gates, NO_COLOR: '1' };
  }

  start(
    args: readonly string[],
    command: readonly string[] = [process.execPath, program],
    variables: NodeJS.ProcessEnv = {},
  ): Running {
    const [file = '', ...before] = command;
    const env = { ...this.environment(), ...variables };
    return new Running(spawn(file, [...before, ...args], { cwd: this.folder, env, stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  run(...args: string[]): Promise<Ended> {
    const running = this.start(args);
    running.child.stdin?.end();
    return running.ended;
  }

  hold(gate: string): void {
    writeFileSync(join(this.gates, `${gate}.hold`), '');
  }

  release(gate: string): void {
    rmSync(join(this.gates, `${gate}.hold`), { force: true });
  }

  /** The pid of the first process that has come to the gate. */
  async reached(gate: string): Promise<number> {
    const find = () =>
      readdirSync(this.gates)
        .map((name) => new RegExp(`^${gate}\\.(\\d+)\\.reached$`).exec(name)?.[1])
        .find((pid) => pid !== undefined);
    return Number(await until(this.gates, find));
  }

  /** Processes that run in this folder, zombies aside. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
          return state !== 'Z' && readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder);
        } catch {
          return false; // it has ended meanwhile
        }
      });
  }

  /** Those that are executors. */
  executors(): number[] {
    return this.processes().filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('gristmill-executor');
      } catch {
        return false;
      }
    });
  }

  files(name: string): string[] {
    if (!existsSync(this.path(name))) return [];
    try {
      return readdirSync(this.path(name), { recursive: true }).map(String).sort();
    } catch (thrown) {
      // A folder went away while it was looked at: the next look sees what is there then.
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return this.files(name);
      throw thrown;
    }
  }

  /** Part files of an output, by name. */
  parts(name: string): Record<string, string> {
    const parts = this.files(name).filter((file) => file.startsWith('part-'));
    return Object.fromEntries(parts.map((part) => [part, readFileSync(join(this.path(name), part), 'utf8')]));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (piece: Buffer) => (this.stdout += piece.toString()));
    child.stderr?.on('data', (piece: Buffer) => (this.stderr += piece.toString()));
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }
}

/** Resolves with what `find` gives as soon as something in `folder` changes so that it gives something. */
export function until<T>(folder: string, find: () => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const look = () => {
      const found = find();
      if (found === undefined) return;
      watcher.close();
      resolve(found);
    };
    const watcher = watch(folder, look);
    look();
  });
}

/** Waits until `holds`, looking again every few milliseconds; the test's own timeout bounds it. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The objects that `--json` printed. */
export function events(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
