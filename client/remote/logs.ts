/** `logs`: what user code printed. A line says whose it is, unless one attempt alone was asked for. */
import { GristmillError } from '../../shared/errors.js';
import { parseAttemptId, parseTaskId } from '../../shared/ids.js';
import type { LogChunk } from '../job-types.js';
import { harmless } from '../render/style.js';
import { jsonOf } from '../render/json.js';
import type { ClientConfig } from './config.js';
import { connected } from './connect.js';
import type { CommandContext } from './context.js';
import { withJob } from './job-name.js';

export interface LogsRequest {
  readonly job: string;
  /** A task or an attempt of it; undefined: all. */
  readonly task: string | undefined;
  readonly json: boolean;
}

export interface LogSelection {
  readonly task?: string;
  readonly attempt?: string;
}

/** Throws `command-line` for what names neither a task nor an attempt. */
export function selectionOf(name: string | undefined): LogSelection {
  if (name === undefined) return {};
  for (const [kind, parse] of [['attempt', parseAttemptId] as const, ['task', parseTaskId] as const]) {
    try {
      return { [kind]: parse(name) };
    } catch {
      // It may be of the other kind.
    }
  }
  const hint = 'tasks are map-00003 or reduce-00000, an attempt is map-00003.1-2';
  throw new GristmillError('command-line', `${JSON.stringify(name)} is no task and no attempt\nhint: ${hint}`);
}

export async function logsThere(context: CommandContext, request: LogsRequest, config: ClientConfig): Promise<number> {
  const selection = selectionOf(request.task);
  return connected(config, context.clock, (client) =>
    withJob(client, request.job, async (job) => {
      const { signal } = context.stop;
      await showLogs(context, request, client.logs(job, { ...selection, signal }));
      return 0;
    }),
  );
}

export async function showLogs(
  context: Pick<CommandContext, 'write' | 'reporter'>,
  { job, task, json }: LogsRequest,
  chunks: AsyncIterable<LogChunk>,
): Promise<void> {
  const form = json ? asJson : selectionOf(task).attempt === undefined ? new NamedLines() : asItIs;
  let isEmpty = true;
  for await (const chunk of chunks) {
    isEmpty = false;
    context.write(form.text(chunk));
  }
  context.write(form.end());
  if (isEmpty) {
    const whose = task === undefined ? 'no attempt that has ended' : `no ended attempt of ${task}`;
    context.reporter.note(`${whose} has printed anything in job ${job}`);
  }
}

interface Form {
  text(chunk: LogChunk): string;
  end(): string;
}

const asJson: Form = { text: (chunk) => `${jsonOf(chunk)}\n`, end: () => '' };
const asItIs: Form = { text: ({ text }) => harmless(text), end: () => '' };

/** Each line behind its attempt; a line may come in several pieces. */
class NamedLines implements Form {
  #attempt = '';
  #isOpen = false;

  text({ attempt, text }: LogChunk): string {
    const ended = attempt === this.#attempt ? '' : this.end();
    this.#attempt = attempt;
    const lines = harmless(text).split('\n');
    const rest = lines.pop() ?? '';
    let shown = lines.map((line) => `${this.#begin()}${this.#close(line)}\n`).join('');
    if (rest !== '') {
      shown += this.#begin() + rest;
      this.#isOpen = true;
    }
    return ended + shown;
  }

  end(): string {
    return this.#isOpen ? this.#close('\n') : '';
  }

  #begin(): string {
    return this.#isOpen ? '' : `${this.#attempt} | `;
  }

  #close(text: string): string {
    this.#isOpen = false;
    return text;
  }
}
