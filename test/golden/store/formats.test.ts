/**
 * What a coordinator and an inspection leave in a store, as bytes: a later release reads what an earlier one wrote. A
 * failure here means a new version of the format, not a new fixture.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeSlot, encodeSlot, type Slot } from '../../../coordinator/journal-format.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import { decodeSnapshot, encodeSnapshot, stateLines } from '../../../coordinator/snapshot-format.js';
import { decodeBlock } from '../../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../../shared/codec/frame.js';
import { decodeValue } from '../../../shared/codec/value.js';
import { laterCounts, zeroCounts, type Counts } from '../../../shared/counts.js';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { encodeClaim, parseClaim } from '../../../shared/formats/claim-record.js';
import { parseAttemptId, parseJobId } from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';
import { encodeItems } from '../../../worker/task/items.js';

const job = parseJobId('abcdefghijkl');
const fixture = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

const about = { job, atMs: 1_800_000_000_000 } as const;
const by = { worker: 'w1', elapsedMs: 12 } as const;
const inspection = parseAttemptId('inspect.1-1');
const map = parseAttemptId('map-00000.1-1');
const reduce = parseAttemptId('reduce-00000.1-2');
const failed = parseAttemptId('reduce-00000.1-1');
/** As they were stored before any of the later counts was among them: such slots stay readable. */
const firstCounts = Object.fromEntries(
  Object.entries(zeroCounts).filter(([name]) => !laterCounts.includes(name as keyof Counts)),
) as unknown as Counts;
const counts = { ...firstCounts, recordsRead: 3, shuffledOutSum: (1n << 64n) - 1n, user: { seen: 3 } };
const failure = failureOf(new GristmillError('executor-died', 'killed', { where: 'words.ts:7:13' }));

/** One of each kind, in an order in which they can be applied. */
const records: readonly JournalRecord[] = [
  { type: 'leader-elected', epoch: 1, atMs: about.atMs, host: 'here' },
  {
    type: 'job-submitted',
    ...about,
    request: {
      requestId: 'r',
      name: 'words',
      codeVersion: 'c'.repeat(64),
      params: { min: 3, '\0odd': '\0nine' },
      inputs: ['a*.txt'],
      output: 'out',
      baseUri: 'file:///here/',
      overwrite: true,
      limitRecords: 3,
      dryRun: false,
    },
  },
  {
    type: 'task-won',
    ...about,
    ...by,
    attempt: inspection,
    result: { kind: 'inspect', key: storeKeys.inspection(job, inspection), xxh64: 1n << 63n },
  },
  {
    type: 'job-inspected',
    ...about,
    inspected: { name: 'words', kind: 'reduce', format: 'jsonl', output: 'file:///here/out' },
  },
  { type: 'output-claimed', ...about, claim: { replaces: ['part-00000.jsonl'], tookOver: 'a dead one' } },
  { type: 'noticed', ...about, code: 'took-over', message: 'größe\n' },
  { type: 'job-planned', ...about, plan: { mapTasks: 1, partitions: 1, inputs: 1, inputBytes: 9 } },
  { type: 'job-moved', ...about, to: 'queued', reason: 'q', failure: undefined },
  { type: 'job-moved', ...about, to: 'in_progress', reason: 'p', failure: undefined },
  {
    type: 'task-won',
    ...about,
    ...by,
    attempt: map,
    result: { kind: 'map', key: storeKeys.shuffle(job, 'ab', map), digest: 7n, bytes: 99, counts, seal: undefined },
  },
  { type: 'step-done', ...about, step: 'stage-manifest' },
  { type: 'attempt-failed', ...about, ...by, attempt: failed, failure },
  {
    type: 'task-won',
    ...about,
    ...by,
    attempt: reduce,
    result: {
      kind: 'reduce',
      counts,
      seal: { staged: '_staging/x', key: 'out/part-00000.jsonl', bytes: 4, xxh64: 5n, attempt: reduce },
      declaredSum: 6n,
      declaredRecords: 3,
      declaredWeight: 3,
    },
  },
  { type: 'job-moved', ...about, to: 'committing', reason: 'c', failure: undefined },
  { type: 'winner-lost', ...about, attempt: reduce },
  { type: 'part-published', ...about, part: 0 },
  { type: 'job-moved', ...about, to: 'failed', reason: 'f', failure },
];
/** Of the journal itself. */
const storeRecords: readonly JournalRecord[] = [
  { type: 'leader-elected', epoch: 2, atMs: about.atMs, host: 'here', slot: 8 },
  { type: 'snapshot-taken', slot: 5, atMs: about.atMs, replaces: undefined },
  { type: 'snapshot-taken', slot: 7, atMs: about.atMs, replaces: 5 },
  { type: 'journal-collected', slot: 4, atMs: about.atMs },
];
const slot: Slot = { slot: 7, epoch: 2, writer: '0123456789abcdef0123456789abcdef', records };

describe('what lies in a store stays as it is', () => {
  test('a journal slot with a record of each kind, which a replay can apply', async () => {
    await expect(text(encodeSlot(slot))).toMatchFileSnapshot('journal-slot.golden');
    const read = decodeSlot(7, fixture('journal-slot.golden'));
    expect(read).toEqual(slot);
    const state = emptyState();
    for (const record of read.records) evolve(state, record);
    expect(state.jobs.get(job)?.state).toBe('failed');
    expect([...new Set(records.map(({ type }) => type))].length).toBe(12);
  });

  test('a snapshot, which a start reads as the state that its slots come to', async () => {
    const state = emptyState();
    for (const record of [...records.slice(0, -4), ...storeRecords]) evolve(state, record);
    await expect(text(encodeSnapshot(9, stateLines(state)))).toMatchFileSnapshot('snapshot.golden');
    expect(decodeSnapshot(9, fixture('snapshot.golden'))).toEqual({ slot: 9, durable: state });
    expect(state.jobs.get(job)?.state).toBe('in_progress');
  });

  test('a slot with the records of the journal itself', async () => {
    const upkeep = { ...slot, slot: 8, records: storeRecords };
    await expect(text(encodeSlot(upkeep))).toMatchFileSnapshot('journal-slot-upkeep.golden');
    expect(decodeSlot(8, fixture('journal-slot-upkeep.golden'))).toEqual(upkeep);
  });

  test('a claim', async () => {
    const owner = { host: 'here', pid: 12, startTime: '1 2 3', private: true };
    await expect(text(encodeClaim(job, owner))).toMatchFileSnapshot('claim.golden');
    expect(parseClaim(fixture('claim.golden'))).toEqual({ version: 1, job, owner });
  });

  test('items, cut where a map task begins', async () => {
    const items = [1, 'two', { three: [3n, null] }, new Date(5), undefined];
    const { bytes, cuts } = encodeItems({ items, itemsPerSplit: 2, job, attempt: inspection, called: 'read.items' });
    await expect(`${Buffer.from(bytes).toString('hex')}\n`).toMatchFileSnapshot('items.hex');
    const stored = Buffer.from(text(fixture('items.hex')).trim(), 'hex');
    const found = cuts.flatMap((start, split) => {
      const reader = new FrameReader(identityOf(job, inspection), split);
      reader.push(stored.subarray(start, cuts[split + 1] ?? stored.length));
      reader.end();
      const payload = reader.next();
      const { values, valueEnds } = decodeBlock(payload ?? new Uint8Array(0));
      return [...(valueEnds ?? [])].map((end, i) => decodeValue(values.slice(valueEnds?.[i - 1] ?? 0, end)));
    });
    expect(found).toEqual(items);
  });
});
