/** What counts as the result of a job, and as a whole part of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PartCheck, resultOf } from '../../../client/transfer/result.js';
import { hex64, xxh64 } from '../../../shared/codec/checksum.js';
import { encodeManifest, type OutputManifest } from '../../../shared/codec/manifest.js';
import { zeroCounts } from '../../../shared/counts.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { someJob } from '../client/events.js';

const { signal } = new AbortController();

function partOf(bytes: Uint8Array, rows: number) {
  const digest = { bytes: bytes.length, xxh64: xxh64(bytes) };
  const part = { key: 'part-00000.jsonl', attempt: 'reduce-00000.1-1', rows, bytes: bytes.length };
  return { digest, part: { ...part, xxh64: hex64(digest.xxh64) } };
}

/** The result as a store has it, with a manifest that may be another one. */
function resultWith(changes: Partial<OutputManifest>, job = someJob()) {
  const store = new MemoryStore();
  const { part } = partOf(Buffer.from('{}\n{}\n'), 2);
  const manifest: OutputManifest = {
    version: 1,
    job: job.job,
    name: 'word-count',
    codeVersion: 'f'.repeat(64),
    complete: true,
    parts: [part],
    counts: { ...zeroCounts, rowsWritten: 2 },
    balance: [],
    createdAtMs: 1,
    ...changes,
  };
  const locator = { locate: () => ({ store, key: 'out' }) };
  return store.put('out/_manifest.json', encodeManifest(manifest)).then(() => resultOf(job, locator, signal));
}

describe('a part', () => {
  test('is whole by its bytes, its checksum and its rows, however it is cut on its way', () => {
    const piece = fc.array(fc.constantFrom('a', 'ü', '\n', '\n\n'), { maxLength: 20 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (pieces, more) => {
        const bytes = Buffer.from(pieces.join(''));
        const rows = bytes.toString().split('\n').length - 1;
        const { digest, part } = partOf(bytes, rows);
        const taken = (check: PartCheck) => {
          for (const text of pieces) check.take(Buffer.from(text));
          return check;
        };
        taken(new PartCheck(part)).end(digest);
        const wrong = [
          () => taken(new PartCheck({ ...part, rows: rows + more })).end(digest),
          () => taken(new PartCheck(part)).end({ ...digest, bytes: digest.bytes + more }),
          () => taken(new PartCheck(part)).end({ ...digest, xxh64: digest.xxh64 ^ BigInt(more) }),
        ];
        for (const end of wrong) expect(end).toThrow('part-00000.jsonl is damaged');
      }),
    );
  });
});

describe('the result of a job', () => {
  test('is what its manifest says', async () => {
    const { manifest, at } = await resultWith({});
    expect(manifest.parts.map(({ key }) => at(key).key)).toEqual(['out/part-00000.jsonl']);
  });

  test.each(['validating', 'queued', 'in_progress', 'committing', 'failed', 'cancelled'] as const)(
    'is none while or since it is %s',
    async (state) => {
      await expect(resultWith({}, someJob({ state }))).rejects.toMatchObject({ code: 'no-result' });
    },
  );

  test('is there when the job is archived, and not when it published nothing', async () => {
    const archived = someJob({ state: 'archived', outcome: 'completed' });
    expect((await resultWith({}, archived)).manifest.parts).toHaveLength(1);
    const failed = resultWith({}, someJob({ state: 'archived', outcome: 'failed' }));
    await expect(failed).rejects.toMatchObject({ code: 'no-result' });
    await expect(resultWith({}, someJob({ parts: [] }))).rejects.toThrow('has published nothing');
  });

  test('is refused when the parts of its manifest are not all its rows', async () => {
    await expect(resultWith({ counts: { ...zeroCounts, rowsWritten: 3 } })).rejects.toMatchObject({
      code: 'manifest-invalid',
    });
  });
});
