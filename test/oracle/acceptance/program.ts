/** What all acceptance programs are called with. */
import type { Verdicts } from './verdicts.js';

export interface Setting {
  /** Seconds instead of minutes, for CI. */
  readonly small: boolean;
  /** A number of the command line, such as `--keys 1000000`; the size that the program has for it otherwise. */
  readonly number: (name: SizeName, full: number, small: number) => number;
  /** A temporary folder that the caller removes. */
  readonly folder: string;
  readonly verdicts: Verdicts;
}

export const sizeNames = [
  'keys',
  'draws',
  'bytes',
  'rounds',
  'budget',
  'workers',
  'tasks',
  'runs',
  'seconds',
  'seed',
] as const;
export type SizeName = (typeof sizeNames)[number];

export type Program = (setting: Setting) => Promise<void>;
