/** How far a transfer is: a bar on a terminal, a line every ten seconds elsewhere, nothing for programs. */
import type { Clock } from '../../shared/clock.js';
import { formatBytes, formatDuration, formatRemaining } from '../../shared/figures.js';
import { Screen, type Terminal } from '../render/screen.js';

export interface ProgressOptions {
  /** `uploading`. */
  readonly doing: string;
  readonly files: number;
  /** Bytes that will be moved, and those that will be read again. */
  readonly bytes: number;
  readonly clock: Clock;
  /** Where a bar can be drawn. */
  readonly terminal: Terminal | undefined;
  /** Where it is told elsewhere; undefined: nowhere. */
  readonly note: ((line: string) => void) | undefined;
}

/** Often enough for the eye. */
const DRAW_MS = 200;
const NOTE_MS = 10_000;
const BAR_WIDTH = 24;

export class TransferProgress {
  readonly #options: ProgressOptions;
  readonly #screen: Screen | undefined;
  readonly #beganMs: number;
  #files = 0;
  #bytes = 0;
  #cancel: () => void = () => undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#screen = options.terminal && new Screen(options.terminal);
    this.#beganMs = options.clock.monotonic();
    this.#again();
  }

  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  fileDone(): void {
    this.#files++;
  }

  get elapsedMs(): number {
    return this.#options.clock.monotonic() - this.#beganMs;
  }

  /** Takes the bar away; what is said next stands in its place. */
  end(): void {
    this.#cancel();
    this.#screen?.draw([]);
  }

  #again(): void {
    const { clock, note } = this.#options;
    if (!this.#screen && !note) return;
    this.#cancel = clock.after(this.#screen ? DRAW_MS : NOTE_MS, () => {
      const line = this.#line();
      if (this.#screen) this.#screen.draw([line.slice(0, this.#screen.width)]);
      else note?.(`${formatDuration(this.elapsedMs)}: ${line}`);
      this.#again();
    });
  }

  #line(): string {
    const { doing, files, bytes } = this.#options;
    // Never all of it before the end.
    const share = bytes === 0 ? 0 : Math.min(0.99, this.#bytes / bytes);
    const filled = Math.floor(share * BAR_WIDTH);
    const bar = this.#screen ? `${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)} ` : '';
    const elapsedMs = this.elapsedMs;
    const figures = [`${Math.floor(share * 100)} %`, `${this.#files} of ${files} files`];
    if (elapsedMs > 0) figures.push(`${formatBytes((this.#bytes / elapsedMs) * 1000)}/s`);
    if (share > 0) figures.push(`${formatRemaining((elapsedMs / share) * (1 - share))} left`);
    return `${doing} ${bar}${figures.join(', ')}`;
  }
}
