/** What tasks of a fleet report: nothing was read or written, and the counts of it balance. */
import { zeroCounts } from '../../../shared/counts.js';
import { attemptParts } from '../../../shared/ids.js';
import { outputNames, storeKeys } from '../../../shared/plan.js';
import type { AttemptRef, TaskResult } from '../../../shared/protocol.js';

export function resultOf({ job, attempt }: AttemptRef, jobKind: 'reduce' | 'map-only'): TaskResult {
  const { kind, index } = attemptParts(attempt);
  if (kind === 'inspect') return { kind, key: storeKeys.inspection(job, attempt), xxh64: 1n };
  const part = outputNames.part(index, 'jsonl');
  const seal = { staged: `staged/${attempt}`, key: part, bytes: 0, xxh64: 0n, attempt };
  if (kind === 'reduce') {
    return { kind, counts: zeroCounts, seal, declaredSum: 0n, declaredRecords: 0, declaredWeight: 0 };
  }
  const counts = { ...zeroCounts, recordsRead: 1, recordsMapped: 1, bytesRead: 1 };
  if (jobKind === 'map-only') return { kind, key: '', digest: 0n, bytes: 0, counts, seal };
  return { kind, key: storeKeys.shuffle(job, '00', attempt), digest: 1n, bytes: 1, counts, seal: undefined };
}
