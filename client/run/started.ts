/** What was started, to be stopped in the opposite order. */
export class Started {
  readonly #stops: (() => unknown)[] = [];

  add(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  /** One part that cannot be stopped does not keep the others running; what went wrong is returned. */
  async stopAll(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    return failures;
  }
}
