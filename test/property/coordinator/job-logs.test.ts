/** Logs in pages: whatever the pieces, the pages and the places where a stream breaks, the text is what was printed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logsFromWire, readLogs, wholeCharacters } from '../../../coordinator/grpc/job-logs.js';
import { parseJobId } from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore, ReadOptions } from '../../../shared/store/object-store.js';

const job = parseJobId('0123456789ab');
const text = fc.string({ unit: fc.constantFrom('a', '\n', 'ü', '€', '😀'), maxLength: 40 });

/** The store, with pieces of a few bytes each, so that they cut characters. */
function inPieces(store: ObjectStore, pieceBytes: number): ObjectStore {
  async function* stream(key: string, options?: ReadOptions) {
    const all = await store.get(key, options);
    for (let at = 0; at < all.length; at += pieceBytes) yield all.subarray(at, at + pieceBytes);
  }
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = name === 'stream' ? stream : Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

test('pages that are taken up where they, or a broken stream, ended are the logs, each character once', async () => {
  const arbitrary = fc.record({
    logs: fc.array(text, { maxLength: 4 }),
    pieceBytes: fc.integer({ min: 1, max: 9 }),
    pageBytes: fc.integer({ min: 1, max: 30 }),
    /** After so many messages each stream breaks. */
    breaks: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ logs, pieceBytes, pageBytes, breaks }) => {
      const plain = new MemoryStore();
      const attempts = logs.map((_, i) => `map-${String(i).padStart(5, '0')}.1-1`);
      for (const [i, attempt] of attempts.entries()) {
        await plain.put(storeKeys.log(job, attempt), Buffer.from(logs[i] ?? ''));
      }
      const store = inPieces(plain, pieceBytes);
      const found: Record<string, string> = {};
      const pending = [...breaks];
      let after = { afterAttempt: '', afterBytes: '0' };
      for (let isMore = true; isMore;) {
        isMore = false;
        let left = pending.shift() ?? Infinity;
        const request = logsFromWire({ jobId: job, attempt: '', task: '', ...after });
        for await (const chunk of readLogs(store, request, new AbortController().signal, pageBytes)) {
          if (chunk.more) isMore = true;
          const { attempt = '', text: piece = '', endBytes } = chunk;
          if (attempt === '') continue;
          expect(piece).not.toContain('\ufffd');
          found[attempt] = (found[attempt] ?? '') + piece;
          after = { afterAttempt: attempt, afterBytes: String(endBytes) };
          if (--left > 0) continue;
          isMore = true;
          break;
        }
      }
      const printed = attempts.flatMap((attempt, i) => (logs[i] === '' ? [] : [[attempt, logs[i]]]));
      expect(found).toEqual(Object.fromEntries(printed));
    }),
  );
});

test('a cut character is left for the next piece, and bytes that are no UTF-8 are not waited for', () => {
  const bytes = Buffer.from('a€😀');
  expect(Array.from({ length: 9 }, (_, end) => wholeCharacters(bytes.subarray(0, end)))).toEqual([
    0, 1, 1, 1, 4, 4, 4, 4, 8,
  ]);
  expect(wholeCharacters(Buffer.from([0x80, 0x80, 0x80, 0x80]))).toBe(4);
});
