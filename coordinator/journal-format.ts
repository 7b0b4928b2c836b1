/**
 * A journal slot as bytes, version 1: UTF-8 lines, each ended by one line feed.
 *
 * ```
 * {"format":"gristmill-journal","version":1,"slot":7,"epoch":2,"writer":"9f…","records":3}
 * {"type":"task-won",…}                    one line for each record
 * 0123456789abcdef                         xxh64 of every byte before this line, 16 lowercase hex digits
 * ```
 *
 * Records are JSON, in which a string that begins with U+0000 is not itself: after it `n` and decimal digits stand for
 * a bigint, `s` and the rest for a string that does begin with U+0000. Fields that are undefined are absent.
 */
import { hex64, xxh64 } from '../shared/codec/checksum.js';
import { GristmillError } from '../shared/errors.js';
import type { JournalRecord } from './scheduler/records.js';

export interface Slot {
  readonly slot: number;
  /** Of the leader that wrote it. */
  readonly epoch: number;
  /** Random, of that leader: no two writers ever write the same bytes. */
  readonly writer: string;
  readonly records: readonly JournalRecord[];
}

const FORMAT = 'gristmill-journal';
const VERSION = 1;
const CHECKSUM_LINE_BYTES = 17;

export function encodeSlot({ slot, epoch, writer, records }: Slot): Uint8Array {
  const header = JSON.stringify({ format: FORMAT, version: VERSION, slot, epoch, writer, records: records.length });
  const lines = [header, ...records.map((record) => JSON.stringify(record, replace))];
  const body = Buffer.from(`${lines.join('\n')}\n`);
  return Buffer.concat([body, Buffer.from(`${hex64(xxh64(body))}\n`)]);
}

/** The slot in these bytes; `journal-corrupt` when they are not what was written for that slot. */
export function decodeSlot(slot: number, bytes: Uint8Array): Slot {
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_LINE_BYTES));
  const written = Buffer.from(bytes.subarray(body.length)).toString('latin1');
  if (written !== `${hex64(xxh64(body))}\n`) throw corrupt(slot, 'its checksum is wrong');
  const [first = '', ...rest] = Buffer.from(body).toString('utf8').split('\n').slice(0, -1);
  const header = JSON.parse(first) as Readonly<Record<string, unknown>>;
  const { epoch, writer } = header;
  if (header['format'] !== FORMAT) throw corrupt(slot, 'it is no journal');
  if (header['version'] !== VERSION) throw corrupt(slot, `its version is ${String(header['version'])}, not ${VERSION}`);
  if (header['slot'] !== slot) throw corrupt(slot, `it was written for slot ${String(header['slot'])}`);
  if (header['records'] !== rest.length) throw corrupt(slot, 'it has another number of records than it says');
  if (typeof epoch !== 'number' || typeof writer !== 'string') throw corrupt(slot, 'it names no epoch or writer');
  return { slot, epoch, writer, records: rest.map(parseRecord) };
}

/** One line of a slot. */
export function parseRecord(line: string): JournalRecord {
  return JSON.parse(line, revive) as JournalRecord;
}

function replace(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `\0n${value}`;
  return typeof value === 'string' && value.startsWith('\0') ? `\0s${value}` : value;
}

function revive(_name: string, value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('\0')) return value;
  return value.startsWith('\0n') ? BigInt(value.slice(2)) : value.slice(2);
}

export function corrupt(slot: number, reason: string): GristmillError {
  return new GristmillError('journal-corrupt', `journal slot ${slot} cannot be read: ${reason}`, { context: { slot } });
}
