/** A coordinator and workers as processes of their own in a workplace, and the command's options to reach them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { repository, type Ended, type Running, type Workplace } from './command.js';

export const TOKEN = 'a-token';

export class Cluster {
  readonly #place: Workplace;
  readonly #children: ChildProcess[] = [];
  #address = '127.0.0.1:0';
  #coordinator: ChildProcess | undefined;

  constructor(place: Workplace) {
    this.#place = place;
    place.write('token', `${TOKEN}\n`);
  }

  get address(): string {
    return this.#address;
  }

  /** Starts a coordinator on the store and the address of the one before. */
  async startCoordinator(): Promise<void> {
    const child = this.#start('coordinator-process.mjs', this.#place.path('store'), this.#address, TOKEN);
    this.#coordinator = child;
    this.#address = await new Promise<string>((resolve, reject) => {
      child.once('close', () => reject(new Error('the coordinator has ended')));
      child.stdout?.once('data', (line: Buffer) =>
        resolve((JSON.parse(line.toString()) as { address: string }).address),
      );
    });
  }

  startWorker(): void {
    this.#start('worker-process.mjs', this.#address, TOKEN, this.#place.path('scratch'));
  }

  async killCoordinator(): Promise<void> {
    if (this.#coordinator) await ended(this.#coordinator);
  }

  /** A command against this coordinator. */
  start(...args: readonly string[]): Running {
    return this.#place.start([...args, '--coordinator', this.#address, '--token-file', 'token']);
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(ended));
  }

  #start(program: string, ...args: readonly string[]): ChildProcess {
    const path = join(repository, 'test/integration/coordinator', program);
    const child = spawn(process.execPath, [path, ...args], {
      cwd: this.#place.folder,
      env: this.#place.environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return child;
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill('SIGKILL');
  });
}
