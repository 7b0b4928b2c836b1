/**
 * The claim: `<output>/_job.json`, which says whose output it is.
 *
 * The rule for what a job may remove below its output when it takes a dead job's place: as a claim is granted only where
 * nothing else lies (or, with `--overwrite`, only what an old manifest lists, which the job removes before it publishes),
 * whatever lies beside the claim while there is no manifest and has one of the names of `isOwnName` was left by the dead
 * job. While there is a manifest, those files are the result that it describes, and nobody's leftovers.
 */
import { outputNames } from '../plan.js';
import type { Owner } from '../store/owner.js';

export interface ClaimRecord {
  readonly version: 1;
  readonly job: string;
  readonly owner: Owner;
}

/** Distinct for every writer: no two processes claim for the same job with the same owner. */
export function encodeClaim(job: string, owner: Owner): Uint8Array {
  const { host, pid, startTime, private: isPrivate } = owner;
  const record: ClaimRecord & { readonly owns: string } = {
    version: 1,
    job,
    owner: { host, pid, startTime, private: isPrivate },
    owns: 'part-<number>.<format>, _audit.jsonl, _errors.jsonl, _SUCCESS and _staging/, while there is no _manifest.json',
  };
  return new TextEncoder().encode(`${JSON.stringify(record, undefined, 2)}\n`);
}

/** Undefined for what is no claim. */
export function parseClaim(bytes: Uint8Array): ClaimRecord | undefined {
  const record = parseObject(bytes);
  const owner = asObject(record?.['owner']);
  const { host, pid, startTime, private: isPrivate } = owner ?? {};
  if (record?.['version'] !== 1 || typeof record['job'] !== 'string') return undefined;
  if (typeof host !== 'string' || typeof pid !== 'number' || typeof startTime !== 'string') return undefined;
  if (!Number.isSafeInteger(pid) || pid <= 0 || typeof isPrivate !== 'boolean') return undefined;
  return { version: 1, job: record['job'], owner: { host, pid, startTime, private: isPrivate } };
}

const PART = /^part-\d{5,}\.[a-z]+$/;

/** A name that a job gives to what it publishes. */
export function isOwnName(name: string): boolean {
  return PART.test(name) || name === outputNames.success || name === outputNames.audit || name === outputNames.errors;
}

const TAKEOVER = /^_takeover\.[0-9a-f]{16}\.json$/;

/** The mark that one process takes over the claim with those bytes. */
export function takeoverName(digest: bigint): string {
  return `_takeover.${digest.toString(16).padStart(16, '0')}.json`;
}

export function isTakeover(name: string): boolean {
  return TAKEOVER.test(name);
}

export interface OldManifest {
  readonly job: string | undefined;
  /** Names below the output. */
  readonly parts: readonly string[];
}

/** What a claim needs of a manifest, of any version. Undefined for what is no manifest. */
export function parseOldManifest(bytes: Uint8Array): OldManifest | undefined {
  const record = parseObject(bytes);
  const parts: unknown = record?.['parts'];
  if (!Array.isArray(parts)) return undefined;
  const names: string[] = [];
  for (const part of parts as unknown[]) {
    const key: unknown = typeof part === 'string' ? part : asObject(part)?.['key'];
    // A manifest comes from outside: it may name what lies beside it, and nothing else.
    if (typeof key !== 'string' || key.includes('/') || key === '' || key === '.' || key === '..') return undefined;
    names.push(key);
  }
  const job: unknown = record?.['job'];
  return { job: typeof job === 'string' ? job : undefined, parts: names };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
