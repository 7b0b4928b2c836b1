/** What an acceptance program found: one line for each promise, PASS or FAIL, with the figures it was judged by. */

export class Verdicts {
  readonly #program: string;
  #failed = 0;

  constructor(program: string) {
    this.#program = program;
  }

  /** True when all that was judged holds. */
  get allPass(): boolean {
    return this.#failed === 0;
  }

  judge(promise: string, holds: boolean, figures: string): void {
    if (!holds) this.#failed++;
    console.log(`${holds ? 'PASS' : 'FAIL'} ${this.#program}: ${promise} (${figures})`);
  }

  /** Runs a part of the program; what it throws is a failure of that part, and the rest goes on. */
  async during(part: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.judge(`${part}: runs to its end`, false, error instanceof Error ? error.message.trim() : String(error));
    }
  }

  /** A figure that nothing depends on. */
  note(text: string): void {
    console.log(`     ${this.#program}: ${text}`);
  }
}
