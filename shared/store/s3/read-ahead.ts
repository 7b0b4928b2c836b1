/** What readers of one process may hold in memory beyond what they were asked for. */
export class ReadAheadBudget {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** True when so many bytes are now the caller's, who gives them back. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}
