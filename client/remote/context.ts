/** What a command is given by the process that runs it. */
import type { Clock } from '../../shared/clock.js';
import type { Flags } from '../../shared/config/resolve.js';
import type { Reporter } from '../render/reporter.js';
import type { Terminal } from '../render/screen.js';
import type { StopRequest } from '../run/stop-request.js';

export interface CommandContext {
  readonly flags: Flags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The current directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly stop: StopRequest;
  /** Standard output. */
  readonly write: (text: string) => void;
  /** The same for what may be large: resolves when there is room for more, with false when nobody reads any more. */
  readonly writeBytes: (bytes: Uint8Array) => Promise<boolean>;
  /** Where a bar can be drawn. */
  readonly terminal: Terminal | undefined;
}
