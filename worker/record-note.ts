/**
 * Which record an executor is at, in a file of its scratch directory that outlives it: one line, written over before each record
 * of a careful attempt. Such an attempt follows one that failed, and costs a system call for each record.
 *
 * ```
 * map-00003.1-2<TAB>the record at offset 812 of file:///a.txt<TAB>file:///a.txt offset 812<LF>…   behind the first LF: rests of longer lines
 * ```
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'record';

export interface RecordPlace {
  /** For a sentence: `the record at offset 812 of file:///logs/a.txt`, `item 17`. */
  readonly record: string;
  /** As a failure's `where`: `file:///logs/a.txt offset 812`. */
  readonly where: string;
}

/** The side of the executor. A note that cannot be written is none: no task fails for the want of it. */
export class RecordNote {
  readonly #scratchDir: string;
  readonly #attempt: string;
  #file: number | undefined;
  #hasGivenUp = false;

  constructor(scratchDir: string, attempt: string) {
    this.#scratchDir = scratchDir;
    this.#attempt = attempt;
  }

  /** From now on it is at this record; what kills it can no longer keep that a secret. */
  at({ record, where }: RecordPlace): void {
    this.#write(`${this.#attempt}\t${record}\t${where}\n`);
  }

  /** It is past its records: what comes is the fault of none. */
  end(): void {
    this.#write('\n');
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(line: string): void {
    if (this.#hasGivenUp) return;
    try {
      this.#file ??= openSync(join(this.#scratchDir, NAME), 'w');
      writeSync(this.#file, line, 0);
    } catch {
      this.#hasGivenUp = true;
    }
  }
}

/** The side of the agent, after a death: the record at which the attempt was; undefined when it says nothing of one. */
export function recordOf(scratchDir: string, attempt: string): RecordPlace | undefined {
  let text: string;
  try {
    text = readFileSync(join(scratchDir, NAME), 'utf8');
  } catch {
    return undefined; // none of its attempts was careful
  }
  const [whose, record, where] = text.slice(0, Math.max(0, text.indexOf('\n'))).split('\t');
  return whose === attempt && record !== undefined && where !== undefined ? { record, where } : undefined;
}
