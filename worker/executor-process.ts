/**
 * An executor as its agent sees it: a child process in a process group of its own, which runs one attempt at a time.
 * Whatever becomes of the process, every attempt handed to it ends with exactly one report.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { delay, type Clock } from '../shared/clock.js';
import { failureOf, GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import type { Assignment, TaskReport } from '../shared/protocol.js';
import type { JobPlace } from './executor/io-requests.js';
import { encodeMessage, MessageDecoder, type FromExecutor, type ToExecutor } from './executor/messages.js';
import { deathError, type Death } from './executor-death.js';
import type { Progress } from './ports.js';
import { LogCapture } from './log-capture.js';
import type { OomKills } from './oom-kills.js';
import { recordOf } from './record-note.js';
import type { WorkerObserver } from './observer.js';

const PROGRAM = fileURLToPath(new URL('./executor/main.js', import.meta.url));

export interface ExecutorOptions {
  readonly scratchDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly heapMegabytes: number;
  readonly clock: Clock;
  readonly observer: WorkerObserver;
  readonly oomKills: OomKills;
  /** It is up, or it has ended. */
  readonly onSettled: () => void;
}

export interface Finished {
  readonly report: TaskReport;
  /** What user code printed. */
  readonly log: string;
}

interface Running {
  readonly assignment: Assignment;
  readonly startedMs: number;
  /** Of the kernel's count of kills, when the attempt began. */
  readonly oomMark: number;
  readonly onProgress: (progress: Progress) => void;
  readonly finish: (report: TaskReport) => void;
  readonly report: Promise<TaskReport>;
}

export class ExecutorProcess {
  /** Resolves when the process is gone and its pipes are read to their ends. */
  readonly closed: Promise<void>;
  private readonly options: ExecutorOptions;
  private child: ChildProcess | undefined;
  private socket: Duplex | undefined;
  private logs: readonly LogCapture[] = [];
  private running: Running | undefined;
  private gone: Death | undefined;
  private isReady = false;
  /** Its end was wanted. */
  private isTold = false;
  /** It was taken before the kernel would have taken all. */
  private isTaken = false;
  private markClosed: () => void = () => undefined;

  constructor(options: ExecutorOptions) {
    this.options = options;
    this.closed = new Promise((resolve) => (this.markClosed = resolve));
    try {
      this.start();
    } catch (error) {
      this.end(`it cannot be started: ${GristmillError.from(error).message}`, false);
    }
  }

  private start(): void {
    const { scratchDir, heapMegabytes, environment } = this.options;
    mkdirSync(scratchDir, { recursive: true });
    const child = spawn(
      process.execPath,
      [`--max-old-space-size=${heapMegabytes}`, '--no-warnings', PROGRAM, scratchDir],
      { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true, env: { ...environment } },
    );
    this.child = child;
    preferForMemory(child.pid);
    this.options.observer.executorStarted();
    this.whenClosed(child);
    const [, stdout, stderr, socket] = child.stdio;
    this.logs = [new LogCapture(stdout as Readable), new LogCapture(stderr as Readable)];
    this.socket = socket as Duplex;
    this.socket.on('error', () => undefined); // the process is going; 'close' says so
    const decoder = new MessageDecoder<FromExecutor>();
    this.socket.on('data', (piece: Buffer) => {
      for (const message of decoder.push(piece)) this.receive(message);
    });
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  get alive(): boolean {
    return this.gone === undefined;
  }

  /** A task that it is given now has to wait for it. One that ended before it was up is not: it says so of its next task. */
  get isStarting(): boolean {
    return this.alive && !this.isReady;
  }

  async run(place: JobPlace, assignment: Assignment, onProgress: (progress: Progress) => void): Promise<Finished> {
    const startedMs = this.options.clock.monotonic();
    let finish: (report: TaskReport) => void = () => undefined;
    const report = new Promise<TaskReport>((resolve) => (finish = resolve));
    const oomMark = this.options.oomKills.mark();
    this.running = { assignment, startedMs, oomMark, onProgress, finish, report };
    const logged = Promise.all(this.logs.map((log) => log.attemptEnd()));
    if (this.gone !== undefined) this.finishDead();
    else this.send({ type: 'task', place, assignment });
    const finished = await report;
    // User code that closes its output must not hold up the report.
    await Promise.race([logged, delay(this.options.clock, limits.logGraceMs)]);
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
    if (this.gone !== undefined) return;
    this.isTold = true;
    this.killGroup();
  }

  /** As the kernel does where memory runs out: its attempt has run out of memory. */
  killForMemory(): void {
    if (this.gone !== undefined) return;
    this.isTaken = true;
    this.killGroup();
  }

  private killGroup(): void {
    if (this.child?.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      this.child.kill('SIGKILL'); // the group is gone already
    }
  }

  private send(message: ToExecutor): void {
    if (this.socket?.writable) this.socket.write(encodeMessage(message));
  }

  private receive(message: FromExecutor): void {
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        this.options.onSettled();
        return;
      case 'progress':
        this.running?.onProgress(message);
        return;
      case 'asked':
        this.options.observer.asked(message.counts);
        return;
      case 'report':
        this.running?.finish(message.report);
    }
  }

  private whenClosed(child: ChildProcess): void {
    let spawnError = '';
    child.on('error', (error) => {
      spawnError = error.message;
      if (child.pid === undefined) this.end(spawnError, false);
    });
    child.on('exit', () => {
      // What user code started may live on, and hold the pipes open.
      this.killGroup();
      this.options.clock.after(limits.logGraceMs, () => {
        for (const stream of child.stdio) stream?.destroy();
      });
    });
    child.on('close', (code, signal) => {
      const how = spawnError || (signal ? `signal ${signal}` : `exit code ${String(code)}`);
      this.end(how, signal === 'SIGKILL' && !this.isTold);
    });
  }

  private end(how: string, isKilled: boolean): void {
    if (this.gone !== undefined) return;
    const { running } = this;
    const isOomKilled =
      isKilled && running !== undefined && (this.isTaken || this.options.oomKills.claim(running.oomMark));
    const place = running && recordOf(this.options.scratchDir, running.assignment.attempt);
    this.gone = { how, words: this.logs[1]?.lastWords ?? '', isOomKilled, place };
    if (!this.isTold) this.options.observer.executorDied();
    rmSync(this.options.scratchDir, { recursive: true, force: true });
    this.finishDead();
    this.markClosed();
    this.options.onSettled();
  }

  private finishDead(): void {
    if (!this.running) return;
    const { assignment, startedMs, finish } = this.running;
    const death = this.gone ?? { how: 'unknown', words: '', isOomKilled: false, place: undefined };
    const error = deathError(death, {
      attempt: assignment.attempt,
      hadBegun: this.isReady,
      heapMegabytes: this.options.heapMegabytes,
      slots: assignment.slots ?? 1,
    });
    const elapsedMs = this.options.clock.monotonic() - startedMs;
    const { job, attempt } = assignment;
    finish({ job, attempt, elapsedMs, result: { kind: 'failure', failure: failureOf(error) } });
  }
}

/** Where memory runs out, Linux ends an executor, whose task goes elsewhere, and not the agent with all of them. */
function preferForMemory(pid: number | undefined): void {
  if (pid === undefined || process.platform !== 'linux') return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(limits.executorOomScore));
  } catch {
    // It has ended already, or a sandbox forbids it: then the kernel chooses as it likes.
  }
}
