/** What must not leave the process before the records in front of it are durable waits here, in order. */
export class Releases {
  readonly #waiting: { readonly count: number; readonly action: () => void }[] = [];
  #durable = 0;

  /** Runs `action` once `count` records are durable: at once, if they are and nothing waits. */
  after(count: number, action: () => void): void {
    if (count <= this.#durable && this.#waiting.length === 0) action();
    else this.#waiting.push({ count, action });
  }

  durable(count: number): void {
    this.#durable = count;
    for (;;) {
      const [first] = this.#waiting;
      if (!first || first.count > this.#durable) return;
      this.#waiting.shift();
      first.action();
    }
  }
}
