/**
 * The output manifest: the one document that says what a job's result is.
 *
 * Version 1, JSON with a checksum of its own (`json-document.ts`). In counts, sums of xxh64 are 16 hex digits; `inexact` and
 * `bytesSpilled` are there only when they are not 0.
 */
import { laterCounts, zeroCounts, type Counts, type Law } from '../counts.js';
import type { JobId } from '../ids.js';
import { hex64, parseHex64 } from './checksum.js';
import { encodeDocument, parseDocument, type Fields } from './json-document.js';

/** One output file of a job. */
export interface ManifestPart {
  /** Below the output prefix. */
  readonly key: string;
  readonly bytes: number;
  /** Of the file, 16 hex digits. */
  readonly xxh64: string;
  readonly rows: number;
  /** Who wrote it. */
  readonly attempt: string;
}

export interface OutputManifest {
  readonly version: 1;
  readonly job: JobId;
  readonly name: string;
  readonly codeVersion: string;
  /** False when there is more input than was read, or partitions are missing. */
  readonly complete: boolean;
  /** The records that `--limit` allowed. */
  readonly limit?: number | undefined;
  readonly parts: readonly ManifestPart[];
  readonly counts: Counts;
  readonly balance: readonly Law[];
  readonly params?: unknown;
  readonly createdAtMs: number;
}

export function encodeManifest(manifest: OutputManifest): Uint8Array {
  return encodeDocument({ ...manifest, counts: encodeCounts(manifest.counts) }, 2);
}

/** Throws `manifest-invalid`. */
export function parseManifest(bytes: Uint8Array): OutputManifest {
  const fields = parseDocument('the manifest', bytes);
  return {
    version: fields.exactly('version', 1),
    job: fields.job('job'),
    name: fields.text('name'),
    codeVersion: fields.text('codeVersion'),
    complete: fields.boolean('complete'),
    ...(fields.has('limit') ? { limit: fields.integer('limit') } : {}),
    parts: fields.list('parts', (part) => ({
      key: part.text('key'),
      bytes: part.integer('bytes'),
      xxh64: part.digest('xxh64'),
      rows: part.integer('rows'),
      attempt: part.text('attempt'),
    })),
    counts: parseCounts(fields.fields('counts')),
    balance: fields.list('balance', (law) => ({
      name: law.text('name'),
      left: law.text('left'),
      right: law.text('right'),
      holds: law.boolean('holds'),
    })),
    ...(fields.has('params') ? { params: fields.any('params') } : {}),
    createdAtMs: fields.integer('createdAtMs'),
  };
}

function encodeCounts(counts: Counts): Record<string, unknown> {
  const entries = (Object.entries(counts) as [keyof Counts, unknown][]).filter(
    ([name, count]) => count !== 0 || !laterCounts.includes(name),
  );
  return Object.fromEntries(entries.map(([name, count]) => [name, typeof count === 'bigint' ? hex64(count) : count]));
}

function parseCounts(fields: Fields): Counts {
  const counts: Record<string, unknown> = {};
  for (const [name, zero] of Object.entries(zeroCounts) as [keyof Counts, unknown][]) {
    const isLeftOut = laterCounts.includes(name) && !fields.has(name);
    if (typeof zero === 'number') counts[name] = isLeftOut ? zero : fields.integer(name);
    if (typeof zero === 'bigint') counts[name] = parseHex64(fields.digest(name));
  }
  const user = fields.fields('user');
  counts['user'] = Object.fromEntries(user.names.map((name) => [name, user.number(name)]));
  return counts as unknown as Counts;
}
