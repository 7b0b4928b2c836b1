/** The frozen plan and what it is made from: plain data, stored as JSON, the same for every task of a job. */
import type { AggregatorSpec } from './aggregation.js';
import type { JobId } from './ids.js';

export type SourceFormat = 'text' | 'jsonl' | 'csv' | 'items';
export type SinkFormat = 'jsonl' | 'text';

export type ColumnType = 'string' | 'number' | 'boolean' | 'bigint';

export interface CsvColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** How `read.csv` reads. */
export interface CsvFormat {
  /** The first record of each file names its columns; without it `columns` name the cells in their order. */
  readonly header: boolean;
  /** What a record has; absent: every column of the header, as strings. */
  readonly columns?: readonly CsvColumn[];
  /** One character. */
  readonly delimiter: string;
  /** One character, or none where quotes are text like any other. */
  readonly quote: string;
}

/** What a definition says of itself, without its functions. */
export interface JobDescriptor {
  readonly name: string;
  readonly kind: 'reduce' | 'map-only';
  readonly source: {
    readonly format: SourceFormat;
    readonly uris: readonly string[];
    readonly splitBytes: number | undefined;
    readonly itemsPerSplit: number | undefined;
    /** CSV only. */
    readonly csv?: CsvFormat;
  };
  readonly sink: { readonly format: SinkFormat; readonly uri: string };
  /** Undefined for a general reduce function or a map-only job. */
  readonly aggregator: AggregatorSpec | undefined;
  readonly partitions: number | undefined;
  /** What a task's kernel may hold, when the job says so. */
  readonly memoryBytes: number | undefined;
  /** From the job's submission on; absent: none. */
  readonly deadlineMs?: number;
  /** Slow attempts may get a backup; absent: they may not. */
  readonly speculate?: boolean;
}

/** One input object as it was when the plan was frozen. */
export interface PlannedInput {
  readonly uri: string;
  /** Bytes of the object. */
  readonly bytes: number;
  /** Records are read from `[0, end)`: all of it, or less under `--limit`. */
  readonly end: number;
  readonly etag: string;
  /** Items only: offsets at which splits begin, ascending from 0. */
  readonly cuts?: readonly number[];
  /** CSV with a header only. */
  readonly header?: InputHeader;
}

/** The names of an input's columns are in the plan once for all inputs that have the same. */
export interface InputHeader {
  /** Which of the plan's `headers`. */
  readonly number: number;
  /** The offset of the byte after it: what begins before is no record. */
  readonly end: number;
}

/** Inputs as they were found. */
export interface FoundInputs {
  readonly inputs: readonly PlannedInput[];
  /** CSV with a header only: the names of columns, in the order of their cells; each list once. */
  readonly headers?: readonly (readonly string[])[];
}

/** What an `inspect` task leaves in the store as `v1/jobs/<job>/inspect/<attempt>`, JSON. */
export interface Inspection extends FoundInputs {
  readonly version: 1;
  readonly descriptor: JobDescriptor;
  /** Parameters after the definition's schema. */
  readonly params: unknown;
  /** The output prefix as absolute URI. */
  readonly output: string;
  /** Records that `--limit` left, when it was given. */
  readonly limitRecords: number | undefined;
}

/** Records whose first byte lies in `[start, end)` of input number `input`. */
export interface Split {
  readonly input: number;
  readonly start: number;
  readonly end: number;
}

export interface Plan extends FoundInputs {
  readonly version: 1;
  readonly job: JobId;
  readonly codeVersion: string;
  readonly descriptor: JobDescriptor;
  readonly params: unknown;
  readonly output: string;
  /** The splits of each map task. */
  readonly maps: readonly (readonly Split[])[];
  /** R; for a map-only job the number of parts, one for each map task. */
  readonly partitions: number;
  readonly codec: 'none';
  /** What one task's kernel may hold in memory. */
  readonly memoryBytes: number;
  readonly limitRecords: number | undefined;
  /** With `--overwrite`: the keys below the output that the job replaces, from the old manifest. */
  readonly replaces: readonly string[];
}

/** Which manifest of the map stage a reduce attempt reads. */
export interface StageVersion {
  /** Grows when a map task that ran again left another output: what was reduced before it is void. */
  readonly generation: number;
  /** Within its generation: grows when objects are lost, so that the same output comes from other attempts. */
  readonly revision: number;
}

/** All keys in a coordinator's store are below it. */
export const STORE_ROOT = 'v1';

/** Keys in the coordinator's store. The layout is DESIGN section 6. */
export const storeKeys = {
  leasePrefix: 'v1/lease/',
  lease: (epoch: number) => `v1/lease/${epoch}`,
  sessionsPrefix: 'v1/sessions/',
  /** The workers that are with the leader of the epoch. */
  sessions: (epoch: number) => `v1/sessions/${epoch}`,
  journalPrefix: 'v1/journal/',
  journal: (slot: number) => `v1/journal/${String(slot).padStart(20, '0')}`,
  snapshotPrefix: 'v1/snapshot/',
  /** The state up to and including the journal slot. */
  snapshot: (slot: number) => `v1/snapshot/${String(slot).padStart(20, '0')}`,
  jobPrefix: (job: JobId) => `v1/jobs/${job}/`,
  plan: (job: JobId) => `v1/jobs/${job}/plan`,
  bundle: (sha256: string) => `v1/bundles/${sha256}.mjs`,
  inspection: (job: JobId, attempt: string) => `v1/jobs/${job}/inspect/${attempt}`,
  items: (job: JobId, attempt: string) => `v1/jobs/${job}/items/${attempt}`,
  /** Written once: whatever changes a stage's winners changes its revision, or its generation. */
  stageManifest: (job: JobId, stage: string, { generation, revision }: StageVersion) =>
    `v1/jobs/${job}/stage/${stage}.${generation}${revision === 0 ? '' : `-${revision}`}`,
  log: (job: JobId, attempt: string) => `v1/jobs/${job}/logs/${attempt}`,
  logPrefix: (job: JobId) => `v1/jobs/${job}/logs/`,
  audit: (job: JobId) => `v1/jobs/${job}/audit`,
  shufflePrefix: (job: JobId) => `v1/shuffle/${job}/`,
  /** `spread` is two hex digits derived from the attempt, so that keys spread over S3's partitions. */
  shuffle: (job: JobId, spread: string, attempt: string) => `v1/shuffle/${job}/${spread}/${attempt}`,
} as const;

/** Names below the output prefix. */
export const outputNames = {
  claim: '_job.json',
  manifest: '_manifest.json',
  success: '_SUCCESS',
  audit: '_audit.jsonl',
  errors: '_errors.jsonl',
  part: (index: number, format: SinkFormat) =>
    `part-${String(index).padStart(5, '0')}.${format === 'jsonl' ? 'jsonl' : 'txt'}`,
} as const;

/** The winning attempts of a finished map stage, stored as JSON under `storeKeys.stageManifest`. */
export interface StageManifest {
  readonly version: 1;
  readonly job: JobId;
  readonly stage: 'map';
  readonly generation: number;
  /** By map task index. */
  readonly objects: readonly StageObject[];
}

export interface StageObject {
  readonly attempt: string;
  readonly key: string;
  readonly bytes: number;
  /** xxh64 of the object's index, 16 hex digits. */
  readonly digest: string;
}
