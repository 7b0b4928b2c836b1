/** How an executor came to its end, and whether that was for its memory: such a task is tried again with more of it. */
import { GristmillError } from '../shared/errors.js';
import { plural } from '../shared/figures.js';
import type { RecordPlace } from './record-note.js';

/** What V8 says when a heap is full, and our main thread when the heap of the I/O thread was. */
const HEAP_FULL = /^(FATAL ERROR|gristmill: the I\/O thread failed): .*out of memory/im;

/** Of what a dead executor said, in an error message. */
const LAST_WORDS_MAX = 200;

export interface Death {
  /** `signal SIGKILL`, `exit code 7`. */
  readonly how: string;
  /** The end of what it wrote to its standard error. */
  readonly words: string;
  /** The kernel killed it because memory had run out, or its agent before the kernel would have killed them all. */
  readonly isOomKilled: boolean;
  /** Where it was, if it was careful to say so. */
  readonly place: RecordPlace | undefined;
}

export interface DeadAttempt {
  readonly attempt: string;
  /** It was up and had the task. */
  readonly hadBegun: boolean;
  readonly heapMegabytes: number;
  readonly slots: number;
}

export function deathError(death: Death, { attempt, hadBegun, heapMegabytes, slots }: DeadAttempt): GristmillError {
  const { how, words, place } = death;
  const doing = place ? `mapped ${place.record}` : 'ran the task';
  const when = hadBegun ? `while it ${doing}` : 'before it could take the task';
  const said = lastWords(words);
  const options = { context: { attempt }, ...(place && { where: place.where }) };
  if (!isOfMemory(death)) {
    return new GristmillError('executor-died', `the executor process ended ${when} (${how})${said}`, options);
  }
  const why = death.isOomKilled ? 'it was killed for its memory' : 'its heap was full';
  const had = `${heapMegabytes} MiB of heap, ${plural(slots, 'slot')}`;
  return new GristmillError(
    'out-of-memory',
    `the executor process ended ${when}: ${why} (${how}; it had ${had})${said}`,
    options,
  );
}

function isOfMemory({ words, isOomKilled }: Death): boolean {
  return isOomKilled || HEAP_FULL.test(words);
}

/** What its standard error says of the reason: Node's own line, else the last one. */
function lastWords(words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((text) => /FATAL ERROR|^\w*Error\b/.test(text)) ?? lines.at(-1);
  return line === undefined ? '' : `, saying "${line.trim().slice(0, LAST_WORDS_MAX)}"`;
}
