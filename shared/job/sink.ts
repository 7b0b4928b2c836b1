/** `write.*`: where rows go. Each call checks its arguments and returns a description; nothing is written here. */
import type { JobDescriptor } from '../plan.js';
import { notBuilt, optionsOf, type OptionNames } from './options.js';
import type { Sink } from './types.js';
import { outputUri } from './uris.js';

const SINK = Symbol.for('gristmill.sink');

type SinkDetails = JobDescriptor['sink'];

export function sinkDetails(value: unknown): SinkDetails | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [SINK]?: SinkDetails })[SINK];
}

function sinkOf<Row>(details: SinkDetails): Sink<Row> {
  return Object.freeze({ [SINK]: Object.freeze(details) }) as unknown as Sink<Row>;
}

/** No sink takes options yet; a given one is refused rather than ignored. */
export type SinkOptions = Readonly<Record<string, never>>;
const NONE: OptionNames = { built: [], notBuilt: [] };

/** One line of JSON for each row: bigints as digits, dates as ISO, bytes as base64. */
function jsonl(uri: string, options: SinkOptions = {}): Sink<unknown> {
  optionsOf('write.jsonl', options, NONE);
  return sinkOf({ format: 'jsonl', uri: outputUri('write.jsonl', uri) });
}

/** One line for each row, which is a string. */
function text(uri: string, options: SinkOptions = {}): Sink<string> {
  optionsOf('write.text', options, NONE);
  return sinkOf({ format: 'text', uri: outputUri('write.text', uri) });
}

/** Not built yet. */
function csv(_uri: string): Sink<object> {
  throw notBuilt('write.csv', 'use write.jsonl, or write.text with lines of your own');
}
/** Not built yet. */
function parquet(_uri: string): Sink<object> {
  throw notBuilt('write.parquet', 'use write.jsonl');
}

export const write = Object.freeze({ jsonl, text, csv, parquet });
