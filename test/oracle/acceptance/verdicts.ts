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

  /** A figure that nothing depends on. */
  note(text: string): void {
    console.log(`     ${this.#program}: ${text}`);
  }
}
