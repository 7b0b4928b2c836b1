/** What a standing process is given by the one that runs it. */
import type { Clock } from '../../shared/clock.js';
import type { Flags } from '../../shared/config/resolve.js';
import type { StopRequest } from '../run/stop-request.js';

export interface StandingContext {
  readonly flags: Flags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The current directory. */
  readonly directory: string;
  readonly clock: Clock;
  /** The first signal: an orderly end. */
  readonly stop: StopRequest;
  /** Says a line to whoever started the process: standard output. */
  readonly say: (line: string) => void;
}

/** Resolves with the first signal. */
export function stopRequested({ stop }: StandingContext): Promise<void> {
  if (stop.requested) return Promise.resolve();
  return new Promise((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
}
