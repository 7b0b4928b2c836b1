/** A terminal with a block of lines at its end that is drawn again and again. All text comes ready from elsewhere. */

export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
}

const WIDTH_DEFAULT = 80;

/** A terminal that does not know its width, or says 0, is taken to have the usual one. */
export function widthOf(terminal: Terminal): number {
  const columns = terminal.columns ?? 0;
  return columns > 1 ? columns : WIDTH_DEFAULT;
}

export class Screen {
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** One column is left free: a full line would wrap on some terminals and break the redraw. */
  get width(): number {
    return widthOf(this.#terminal) - 1;
  }

  /** Replaces the block. */
  draw(lines: readonly string[]): void {
    this.#terminal.write(this.#erase() + lines.map((line) => `${line}\n`).join(''));
    this.#drawn = lines.length;
  }

  /** Writes lines that stay, above the block; the block is gone until it is drawn again. */
  print(lines: readonly string[]): void {
    this.#terminal.write(this.#erase() + lines.map((line) => `${line}\n`).join(''));
    this.#drawn = 0;
  }

  #erase(): string {
    return this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\u001b[J`;
  }
}
