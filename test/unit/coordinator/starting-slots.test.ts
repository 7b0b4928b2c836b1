/** Slots whose executor is still coming up: what may be given to them, and what a job is told that waits for one. */
import { beforeEach, describe, expect, test } from 'vitest';
import { clusterFigures } from '../../../coordinator/cluster-figures.js';
import { jobView } from '../../../coordinator/job-view.js';
import { parseWorkerId, type JobId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import { assigned, FleetState } from './fleet-state.js';
import { miniature, request } from './miniature-cluster.js';

let fleet: FleetState;
let sessions: Map<string, number>;

beforeEach(() => {
  fleet = new FleetState();
  sessions = new Map();
});

/** Assignments that follow, as `map-00000.1-1`. */
function comes(name: string, slots: number, startingSlots?: number): string[] {
  const session = 100 + sessions.size;
  sessions.set(name, session);
  const identity = { worker: parseWorkerId(name), incarnation: name, slots, host: 'h', nodeVersion: 'v', running: [] };
  const starting = startingSlots === undefined ? {} : { startingSlots };
  const registration = { protocolVersion: PROTOCOL_VERSION, ...identity, ...starting };
  return given(fleet.tell({ type: 'session-opened', session, registration }));
}

function tells(name: string, startingSlots: number): string[] {
  const session = sessions.get(name) ?? 0;
  return given(fleet.tell({ type: 'worker-message', session, message: { startingSlots }, random: 0 }));
}

function given({ commands }: ReturnType<FleetState['tell']>): string[] {
  return assigned(commands).map(({ attempt }) => attempt);
}

const reasonOf = (job: JobId) => jobView(fleet.job(job), fleet.state.volatile.boards.get(job));

describe('a slot whose executor is starting', () => {
  test('is given a task when it is up, and not before', () => {
    fleet.submit(1, 3);
    expect(comes('w1', 2, 2)).toEqual([]);
    expect(tells('w1', 1)).toEqual(['map-00000.1-1']);
    expect(tells('w1', 0)).toEqual(['map-00001.1-1']);
  });

  test('leaves its tasks to slots that are up sooner', () => {
    const job = fleet.submit(1, 2);
    comes('cold', 1, 1);
    comes('warm', 1);
    expect(fleet.running(job)).toEqual(['map-00000.1-1@warm']);
    fleet.win('warm', job, 'map-00000.1-1');
    expect(tells('cold', 0)).toEqual(['map-00001.1-1']);
  });

  test('keeps a job queued, with a reason that says so', () => {
    const job = fleet.submit(1, 1);
    comes('w1', 1, 1);
    const reason = 'waiting for a free slot: the executor of one is starting';
    expect(reasonOf(job)).toMatchObject({ state: 'queued', reason });
    tells('w1', 0);
    expect(reasonOf(job)).toMatchObject({ state: 'in_progress' });
  });

  test('is taken back when an executor has to start anew', () => {
    fleet.submit(1, 3);
    expect(comes('w1', 3)).toHaveLength(3);
    const job = fleet.submit(2, 1);
    tells('w1', 1);
    const session = sessions.get('w1') ?? 0;
    const ended = { job: 'job000000001' as JobId, attempt: 'map-00000.1-1' as never, elapsedMs: 1 };
    const failure = { kind: 'failure', failure: { code: 'aborted' } as never } as const;
    fleet.tell({
      type: 'worker-message',
      session,
      message: { reports: [{ ...ended, result: failure }] },
      random: 0,
    });
    expect(fleet.running(job)).toEqual([]);
    tells('w1', 0);
    expect(fleet.running(job)).toHaveLength(1);
  });

  test('is given an inspection, which has no pace: a job on a machine that starts is not kept waiting', () => {
    comes('w1', 1, 1);
    const job = 'job000000007' as JobId;
    const told = fleet.tell({ type: 'submit', call: 1, job, request: request(miniature) });
    expect(given(told)).toEqual(['inspect.1-1']);
  });

  test('is given an inspection only where no executor is up', () => {
    comes('cold', 1, 1);
    comes('warm', 1, 0);
    const job = 'job000000007' as JobId;
    fleet.tell({ type: 'submit', call: 1, job, request: request(miniature) });
    expect(fleet.running(job)).toEqual(['inspect.1-1@warm']);
  });

  test('is counted apart from free ones', () => {
    comes('w1', 5, 2);
    const { slots } = clusterFigures(fleet.state, fleet.nowMs);
    expect(slots).toEqual({ busy: 0, free: 3, starting: 2, draining: 0 });
  });

  test('cannot be more than there are: what a worker tells wrongly harms nobody else', () => {
    const job = fleet.submit(1, 2);
    comes('w1', 1, 4_000_000_000);
    comes('w2', 1);
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w2']);
    expect(clusterFigures(fleet.state, fleet.nowMs).slots).toMatchObject({ busy: 1, starting: 1 });
  });
});
