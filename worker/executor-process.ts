/**
 * An executor as its agent sees it: a child process in a process group of its own, which runs one attempt at a time.
 * Whatever becomes of the process, every attempt handed to it ends with exactly one report.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../shared/clock.js';
import { failureOf, GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import type { Assignment, TaskReport } from '../shared/protocol.js';
import type { JobPlace } from './executor/io-requests.js';
import { encodeMessage, MessageDecoder, type FromExecutor, type ToExecutor } from './executor/messages.js';
import type { Progress } from './executor/progress.js';
import { LogCapture } from './log-capture.js';

const PROGRAM = fileURLToPath(new URL('./executor/main.js', import.meta.url));

export interface ExecutorOptions {
  readonly scratchDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly heapMegabytes: number;
  readonly clock: Clock;
}

export interface Finished {
  readonly report: TaskReport;
  /** What user code printed. */
  readonly log: string;
}

interface Running {
  readonly assignment: Assignment;
  readonly startedMs: number;
  readonly onProgress: (progress: Progress) => void;
  readonly finish: (report: TaskReport) => void;
  readonly report: Promise<TaskReport>;
}

export class ExecutorProcess {
  /** Resolves when the process can take a task; rejects when it ended before. */
  readonly ready: Promise<void>;
  /** Resolves when the process is gone and its pipes are read to their ends. */
  readonly closed: Promise<void>;
  private readonly options: ExecutorOptions;
  private readonly child: ChildProcess;
  private readonly socket: Duplex;
  private readonly logs: readonly [LogCapture, LogCapture];
  private running: Running | undefined;
  private gone: string | undefined;

  constructor(options: ExecutorOptions) {
    this.options = options;
    mkdirSync(options.scratchDir, { recursive: true });
    this.child = spawn(
      process.execPath,
      [`--max-old-space-size=${options.heapMegabytes}`, '--no-warnings', PROGRAM, options.scratchDir],
      { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true, env: { ...options.environment } },
    );
    const [, stdout, stderr, socket] = this.child.stdio;
    this.logs = [new LogCapture(stdout as Readable), new LogCapture(stderr as Readable)];
    this.socket = socket as Duplex;
    this.socket.on('error', () => undefined); // the process is going; 'close' says so
    let markReady: () => void = () => undefined;
    let markDead: (error: GristmillError) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      markReady = resolve;
      markDead = reject;
    });
    this.ready.catch(() => undefined); // an unbound executor may end unused
    this.closed = this.whenClosed(markDead);
    const decoder = new MessageDecoder<FromExecutor>();
    this.socket.on('data', (piece: Buffer) => {
      for (const message of decoder.push(piece)) this.receive(message, markReady);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get alive(): boolean {
    return this.gone === undefined;
  }

  async run(place: JobPlace, assignment: Assignment, onProgress: (progress: Progress) => void): Promise<Finished> {
    const startedMs = this.options.clock.monotonic();
    let finish: (report: TaskReport) => void = () => undefined;
    const report = new Promise<TaskReport>((resolve) => (finish = resolve));
    this.running = { assignment, startedMs, onProgress, finish, report };
    const logged = Promise.all(this.logs.map((log) => log.attemptEnd()));
    if (this.gone !== undefined) this.finishDead();
    else this.send({ type: 'task', place, assignment });
    const [finished] = await Promise.all([report, logged]);
    this.running = undefined;
    return { report: finished, log: this.logs.map((log) => log.take()).join('') };
  }

  /** Tells user code by `ctx.signal`, and ends the process when it has not finished after a grace. */
  cancel(): void {
    const cancelled = this.running;
    this.send({ type: 'cancel' });
    this.options.clock.after(limits.cancelGraceMs, () => {
      if (this.running === cancelled) this.kill();
    });
  }

  /** The process and all that user code started. */
  kill(): void {
    if (this.child.pid === undefined || this.gone !== undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      this.child.kill('SIGKILL'); // the group is gone already
    }
  }

  private send(message: ToExecutor): void {
    if (this.socket.writable) this.socket.write(encodeMessage(message));
  }

  private receive(message: FromExecutor, markReady: () => void): void {
    switch (message.type) {
      case 'ready':
        markReady();
        return;
      case 'progress':
        this.running?.onProgress(message);
        return;
      case 'report':
        this.running?.finish(message.report);
    }
  }

  private whenClosed(markDead: (error: GristmillError) => void): Promise<void> {
    return new Promise((resolve) => {
      let spawnError = '';
      this.child.on('error', (error) => {
        spawnError = error.message;
        if (this.child.pid === undefined) this.end(spawnError, markDead, resolve);
      });
      this.child.on('close', (code, signal) => {
        this.end(spawnError || (signal ? `signal ${signal}` : `exit code ${String(code)}`), markDead, resolve);
      });
    });
  }

  private end(how: string, markDead: (error: GristmillError) => void, resolve: () => void): void {
    this.gone = how;
    markDead(new GristmillError('executor-died', `the executor ended before it was ready (${how})`));
    rmSync(this.options.scratchDir, { recursive: true, force: true });
    this.finishDead();
    resolve();
  }

  private finishDead(): void {
    if (!this.running) return;
    const { assignment, startedMs, finish } = this.running;
    const error = new GristmillError(
      'executor-died',
      `the executor process ended while it ran the task (${this.gone ?? 'unknown'}); ` +
        'if it was killed for its memory, use smaller splits or fewer executors',
      { context: { attempt: assignment.attempt } },
    );
    const elapsedMs = this.options.clock.monotonic() - startedMs;
    const { job, attempt } = assignment;
    finish({ job, attempt, elapsedMs, result: { kind: 'failure', failure: failureOf(error) } });
  }
}
