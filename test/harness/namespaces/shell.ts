/** The commands that shape the network, run in one namespace. What they complain of is the error's message. */
import { execFileSync } from 'node:child_process';

export class Shell {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  ip(...words: readonly string[]): void {
    run('ip', ['-n', this.#namespace, ...words]);
  }

  tc(...words: readonly string[]): string {
    return run('tc', ['-n', this.#namespace, ...words]);
  }

  /** Takes a script: all of it, or nothing. */
  nft(script: string): void {
    this.#within('nft', ['-f', '-'], script);
  }

  /** Packets that the rules of a table have met. */
  counted(table: string): number {
    const text = this.#within('nft', ['list', 'table', 'bridge', table]);
    return [...text.matchAll(/counter packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  /** How often a limited device had to let a packet wait, or lost one. */
  delayed(device: string): number {
    const text = this.tc('-s', 'qdisc', 'show', 'dev', device);
    const match = /dropped (\d+), overlimits (\d+)/.exec(text);
    return Number(match?.[1] ?? 0) + Number(match?.[2] ?? 0);
  }

  #within(command: string, words: readonly string[], input = ''): string {
    return run('ip', ['netns', 'exec', this.#namespace, command, ...words], input);
  }
}

function run(command: string, words: readonly string[], input = ''): string {
  return execFileSync(command, words, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
}
