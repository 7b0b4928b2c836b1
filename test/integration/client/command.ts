/** Runs the built `gristmill` command in a folder of its own, as a person or another program would. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isRoot, NOBODY, reachable, unprivileged } from './unprivileged.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const command = 'dist/client/main.js';
const program = join(root, command);
const fixtures = join(root, 'test/fixtures/jobs');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export class Workplace {
  readonly path = mkdtempSync(join(tmpdir(), 'gristmill-'));
  readonly #forbidden: string[] = [];

  constructor() {
    chmodSync(this.path, 0o755);
    cpSync(fixtures, this.path, { recursive: true });
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** Everything that lies here and was not put here, hidden or not. */
  files(folder: string): string[] {
    return readdirSync(join(this.path, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.path.length + 1))
      .sort();
  }

  /** Resolves when the file exists; the test's own time limit is the limit. */
  async appears(name: string): Promise<void> {
    while (!existsSync(join(this.path, name))) await delay(10);
  }

  /** Processes that were started for a command in this folder; zombies are gone already. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => isAliveAt(pid, this.path))
      .map(Number);
  }

  /** Resolves when no process is left. */
  async deserted(): Promise<void> {
    while (this.processes().length > 0) await delay(10);
  }

  /** What is here now belongs to whom `unprivileged` runs as. */
  giveToUnprivileged(): void {
    if (isRoot) chownSync(this.path, NOBODY, NOBODY);
  }

  /** The unprivileged cannot read this file, or write into this folder. */
  forbid(name: string): void {
    const path = join(this.path, name);
    const isFolder = statSync(path).isDirectory();
    // What belongs to root needs no more than the usual rights to be closed.
    if (isRoot) chmodSync(path, isFolder ? 0o755 : 0o600);
    else chmodSync(path, isFolder ? 0o555 : 0);
    this.#forbidden.push(path);
  }

  start(args: readonly string[], as?: 'unprivileged'): RunningCommand {
    const file = as === undefined ? program : join(reachable(root, command), command);
    const child = spawn(process.execPath, [file, ...args], {
      cwd: this.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(as !== undefined && unprivileged),
    });
    return watch(child);
  }

  /** The command on a terminal of its own; what is written to `stdin` is typed there. */
  startOnTerminal(args: readonly string[], environment: Record<string, string> = {}): RunningCommand {
    const line = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
    const env = { ...process.env, TERM: 'xterm', NO_COLOR: '', ...environment };
    return watch(spawn('script', ['-qec', line, '/dev/null'], { cwd: this.path, env, stdio: 'pipe' }));
  }

  /** What `npm start` runs, in the repository. */
  startExample(): RunningCommand {
    return watch(spawn(process.execPath, [join(root, 'examples/start.mjs')], { cwd: root, stdio: 'pipe' }));
  }

  run(args: readonly string[], as?: 'unprivileged'): Promise<Ended> {
    return this.start(['run', '--workers', '1', ...args], as).ended;
  }

  remove(): void {
    for (const path of this.#forbidden) chmodSync(path, 0o755);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function watch(child: ChildProcess): RunningCommand {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { process: child, ended };
}

function isAliveAt(pid: string, path: string): boolean {
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return commandLine.includes(path) && state !== 'Z';
  } catch {
    return false;
  }
}
