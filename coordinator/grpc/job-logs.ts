/**
 * What user code printed, from the store, in pages: the attempts' logs in the order of their keys, in whole characters, each
 * piece with the place where it ends, so that a client goes on from there.
 */
import type { GetLogsRequest__Output } from '../../proto/generated/gristmill/v1/GetLogsRequest.js';
import type { GetLogsResponse } from '../../proto/generated/gristmill/v1/GetLogsResponse.js';
import { attemptParts, parseAttemptId, parseJobId, parseTaskId, type AttemptId, type JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { storeKeys } from '../../shared/plan.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { numberOf } from '../../shared/wire/convert.js';

export interface LogsRequest {
  readonly job: JobId;
  readonly isWanted: (attempt: AttemptId) => boolean;
  /** What was seen already. */
  readonly after: { readonly attempt: string; readonly bytes: number };
}

export function logsFromWire(wire: GetLogsRequest__Output): LogsRequest {
  const attempt = wire.attempt === '' ? undefined : parseAttemptId(wire.attempt);
  const task = wire.task === '' ? undefined : parseTaskId(wire.task);
  return {
    job: parseJobId(wire.jobId),
    isWanted: (other) =>
      (attempt === undefined || other === attempt) && (task === undefined || attemptParts(other).task === task),
    after: { attempt: wire.afterAttempt, bytes: numberOf(wire.afterBytes, 'log bytes') },
  };
}

export async function* readLogs(
  store: ObjectStore,
  { job, isWanted, after }: LogsRequest,
  signal: AbortSignal,
  pageBytes: number = limits.logPageBytesMax,
): AsyncGenerator<GetLogsResponse, void, undefined> {
  const prefix = storeKeys.logPrefix(job);
  let sent = 0;
  for await (const { key, bytes } of store.list(prefix, { signal })) {
    const attempt = parseAttemptId(key.slice(prefix.length));
    if (attempt < after.attempt || !isWanted(attempt)) continue;
    const start = attempt === after.attempt ? after.bytes : 0;
    for await (const piece of readLog(store, key, start, bytes, signal)) {
      // The page ends in front of what is too much, so that the next one begins with it.
      if (sent >= pageBytes) {
        yield { more: true };
        return;
      }
      sent += piece.bytes;
      yield { attempt, text: piece.text, endBytes: piece.endBytes };
    }
  }
}

interface Piece {
  readonly text: string;
  readonly bytes: number;
  readonly endBytes: number;
}

async function* readLog(
  store: ObjectStore,
  key: string,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  if (start >= end) return;
  let endBytes = start;
  let rest: Uint8Array = new Uint8Array();
  const piece = (bytes: Uint8Array): Piece => {
    endBytes += bytes.length;
    return { text: Buffer.from(bytes).toString('utf8'), bytes: bytes.length, endBytes };
  };
  for await (const read of store.stream(key, { range: { start, end }, signal })) {
    const bytes = Buffer.concat([rest, read]);
    const whole = wholeCharacters(bytes);
    rest = bytes.subarray(whole);
    if (whole > 0) yield piece(bytes.subarray(0, whole));
  }
  if (rest.length > 0) yield piece(rest);
}

/** So many of the bytes are whole characters of UTF-8; behind them one begins that is cut. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
