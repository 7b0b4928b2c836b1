/** A task that ran out of memory: which slots it has next, what is held for it meanwhile, and who gets them afterwards. */
import { beforeEach, describe, expect, test } from 'vitest';
import { clusterFigures } from '../../../coordinator/cluster-figures.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import { startState } from '../../../coordinator/scheduler/volatile.js';
import { decodeSnapshot, encodeSnapshot, stateLines } from '../../../coordinator/snapshot-format.js';
import { jobView } from '../../../coordinator/job-view.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { parseAttemptId, parseWorkerId, type JobId } from '../../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../../shared/limits.js';
import { assigned, FleetState } from './fleet-state.js';

let fleet: FleetState;

beforeEach(() => {
  fleet = new FleetState();
});

/** What runs on which worker, and on how many slots where those are more than one: `map-00000.1-2@w1 x2`. */
function running(job: JobId): string[] {
  const all = [...(fleet.state.volatile.boards.get(job)?.running.values() ?? [])];
  return all
    .filter(({ cancelledMs }) => cancelledMs === undefined)
    .map(({ attempt, worker, slots }) => `${attempt}@${worker}${slots === 1 ? '' : ` x${slots}`}`);
}

function outgrow(worker: string, job: JobId, attempt: string) {
  return fleet.fail(worker, job, attempt, 'out-of-memory');
}

/** The wait before a retry is over. */
function backOff(...heard: string[]) {
  return fleet.pass(limits.attemptBackoffMs, ...heard);
}

describe('a task that ran out of memory', () => {
  test('has two slots of one worker next, and says so to the worker and in its events', () => {
    fleet.worker('w1', 2);
    const job = fleet.submit(1, 1);
    outgrow('w1', job, 'map-00000.1-1');
    fleet.nowMs += limits.attemptBackoffMs;
    const { commands } = fleet.tell({ type: 'tick' });
    expect(assigned(commands)).toMatchObject([{ attempt: 'map-00000.1-2', slots: 2 }]);
    fleet.win('w1', job, 'map-00000.1-2');
    const attempts = fleet.job(job).events.filter(({ type }) => type === 'attempt');
    expect(attempts).toMatchObject([
      { attempt: 'inspect.1-1' },
      { attempt: 'map-00000.1-1', failure: { code: 'out-of-memory', class: 'machine', countsTowardLimit: true } },
      { attempt: 'map-00000.1-2', won: true, slots: 2 },
    ]);
    expect(attempts[1]).not.toHaveProperty('slots');
  });

  test('fails its job after four attempts, however many slots they had', () => {
    fleet.worker('w1', 3);
    const job = fleet.submit(1, 1);
    for (let n = 1; n <= limits.attemptsMax; n++) {
      outgrow('w1', job, `map-00000.1-${n}`);
      fleet.pass(limits.attemptBackoffMsMax, 'w1');
    }
    expect(jobView(fleet.job(job), undefined)).toMatchObject({ state: 'failed', failure: { code: 'out-of-memory' } });
  });

  test('takes one slot where no worker has two, and its job is told nothing of waiting', () => {
    fleet.worker('w1');
    fleet.worker('w2');
    const job = fleet.submit(1, 1);
    outgrow('w1', job, 'map-00000.1-1');
    backOff('w1', 'w2');
    expect(running(job)).toEqual(['map-00000.1-2@w2']);
  });

  test('waits for a worker with two slots while there is one, and takes a single slot once that is gone', () => {
    fleet.worker('small');
    const job = fleet.submit(1, 1);
    fleet.worker('roomy', 2);
    const other = fleet.submit(2, 2, { speculate: false });
    outgrow('small', job, 'map-00000.1-1');
    fleet.pass(1000, 'small', 'roomy');
    expect(running(job)).toEqual([]);
    expect(fleet.waits(job)).toBe('map-00000 ran out of memory and waits for two free slots of one worker');
    fleet.win('roomy', other, 'map-00000.1-1');
    expect(running(job)).toEqual([]);
    expect(fleet.waits(job)).toMatch(/two free slots of one worker, of which one is held for it on roomy$/);
    fleet.pass(limits.leaseSuspectMs, 'small');
    expect(running(job)).toEqual(['map-00000.1-2@small']);
  });

  test('blames no worker: another one of that worker is no reason to leave it alone', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2', 2);
    const job = fleet.submit(1, 40);
    const here = () => running(job).filter((at) => at.includes('@w1'));
    for (const at of here()) outgrow('w1', job, at.split('@')[0] ?? '');
    expect(here()).toHaveLength(2);
  });

  test('that another attempt of it has won meanwhile wants nothing more', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2', 2);
    const job = fleet.submit(1, 3);
    fleet.pass(1000, 'w1', 'w2');
    for (const at of running(job).filter((one) => !one.startsWith('map-00000'))) {
      const [attempt = '', worker = ''] = at.split('@');
      fleet.win(worker, job, attempt);
    }
    fleet.pass(10_000, 'w1', 'w2');
    const [first = '', backup = ''] = running(job);
    expect([first, backup]).toEqual(['map-00000.1-1@w1', 'map-00000.1-2@w2']);
    outgrow('w2', job, 'map-00000.1-2');
    // The next backup has two slots, beside an attempt that has one.
    backOff('w1', 'w2');
    fleet.win('w1', job, 'map-00000.1-1');
    expect(running(job)).toEqual([]);
  });
});

describe('a slot that is held', () => {
  /** One worker of two slots and many tasks, of which the first ran out of memory. */
  function busy(): { readonly job: JobId; readonly next: () => string } {
    fleet.worker('w1', 2);
    const job = fleet.submit(1, 50);
    outgrow('w1', job, 'map-00000.1-1');
    backOff('w1');
    return { job, next: () => running(job).at(-1)?.split('@')[0] ?? '' };
  }

  test('is given to nobody else, so that the next free one makes two', () => {
    const { job } = busy();
    expect(running(job)).toEqual(['map-00001.1-1@w1', 'map-00002.1-1@w1']);
    fleet.win('w1', job, 'map-00001.1-1');
    expect(running(job)).toEqual(['map-00002.1-1@w1']);
    expect(clusterFigures(fleet.state, fleet.nowMs).slots).toMatchObject({ busy: 1, free: 1 });
    fleet.win('w1', job, 'map-00002.1-1');
    expect(running(job)).toEqual(['map-00000.1-2@w1 x2']);
    expect(clusterFigures(fleet.state, fleet.nowMs).slots).toMatchObject({ busy: 2, free: 0 });
  });

  test.each(['win', 'fail', 'outgrow', 'cancel', 'death'] as const)('comes free with the other one at a %s', (end) => {
    const { job } = busy();
    fleet.win('w1', job, 'map-00001.1-1');
    fleet.win('w1', job, 'map-00002.1-1');
    const other = fleet.submit(2, 50);
    expect(running(other)).toEqual([]);
    if (end === 'win') fleet.win('w1', job, 'map-00000.1-2');
    else if (end === 'fail') fleet.fail('w1', job, 'map-00000.1-2', 'executor-died');
    else if (end === 'outgrow') outgrow('w1', job, 'map-00000.1-2');
    else if (end === 'death') fleet.worker('w1', 2, 'again');
    else {
      fleet.tell({ type: 'cancel', call: 1, job, reason: '' });
      fleet.fail('w1', job, 'map-00000.1-2', 'aborted');
    }
    const all = [...running(job), ...running(other)];
    const taken = all.reduce((sum, at) => sum + (at.endsWith(' x2') ? 2 : 1), 0);
    expect(taken).toBe(2);
    // One that is only lost starts again before others begin.
    expect(running(other).length > 0).toBe(end !== 'death');
  });

  test('is one for each job, whatever number of its tasks ran out of memory', () => {
    const names = ['w1', 'w2', 'w3'];
    for (const name of names) fleet.worker(name, 3);
    const job = fleet.submit(1, 200);
    for (const at of running(job).slice(0, 4)) {
      const [attempt = '', worker = ''] = at.split('@');
      outgrow(worker, job, attempt);
    }
    fleet.pass(limits.retryElsewhereMs + limits.attemptBackoffMs, ...names);
    for (const name of names) {
      const [first = ''] = running(job).filter((at) => at.endsWith(`@${name}`));
      fleet.win(name, job, first.split('@')[0] ?? '');
    }
    const { slots } = clusterFigures(fleet.state, fleet.nowMs);
    expect(slots.free).toBe(1);
  });

  test('is let go when two slots of another worker come free together', () => {
    const { job } = busy();
    fleet.win('w1', job, 'map-00001.1-1');
    fleet.worker('w2', 2);
    fleet.pass(limits.retryElsewhereMs, 'w1', 'w2');
    expect(running(job).filter((at) => at.startsWith('map-00000'))).toEqual(['map-00000.1-2@w2 x2']);
    expect(clusterFigures(fleet.state, fleet.nowMs).slots.free).toBe(0);
  });

  test('moves to another worker when what runs beside it does not end', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2', 2);
    const job = fleet.submit(1, 50, { speculate: false });
    outgrow('w1', job, 'map-00000.1-1');
    fleet.pass(limits.retryElsewhereMs + limits.attemptBackoffMs, 'w1', 'w2');
    fleet.win('w1', job, 'map-00002.1-1');
    expect(fleet.waits(job)).toMatch(/held for it on w1$/);
    fleet.pass(limits.slotHoldMs - 1, 'w1', 'w2');
    fleet.win('w2', job, 'map-00001.1-1');
    expect(fleet.waits(job)).toMatch(/held for it on w1$/);
    fleet.pass(1, 'w1', 'w2');
    fleet.win('w2', job, 'map-00003.1-1');
    expect(fleet.waits(job)).toMatch(/held for it on w2$/);
    // The slot that was held has a task of one slot again.
    expect(running(job)).toEqual(['map-00004.1-1@w1', 'map-00005.1-1@w2', 'map-00006.1-1@w1']);
    fleet.win('w2', job, 'map-00005.1-1');
    expect(running(job)).toContain('map-00000.1-2@w2 x2');
  });

  test('is not held by a job that has more than its share', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2', 2);
    const greedy = fleet.submit(1, 50);
    const modest = fleet.submit(2, 50);
    outgrow('w1', greedy, 'map-00000.1-1');
    backOff('w1', 'w2');
    // Three of four slots are the first job's: the next two are owed to the other one.
    expect(running(greedy)).toHaveLength(3);
    const [mine = ''] = running(greedy).filter((at) => at.endsWith('@w2'));
    fleet.win('w2', greedy, mine.split('@')[0] ?? '');
    expect(running(modest)).toHaveLength(2);
    expect(fleet.waits(greedy)).not.toMatch(/held/);
  });
});

describe('a successor', () => {
  function records(): JournalRecord[] {
    const all: JournalRecord[] = [];
    const tell = fleet.tell.bind(fleet);
    fleet.tell = (event) => {
      const decision = tell(event);
      all.push(...decision.records);
      return decision;
    };
    return all;
  }

  test('knows from the journal, and from a snapshot, which tasks want two slots', () => {
    fleet.worker('w1', 2);
    const told = records();
    const job = fleet.submit(1, 2);
    outgrow('w1', job, 'map-00001.1-1');
    expect(told.map(({ type }) => type)).toContain('attempt-failed');
    const durable = decodeSnapshot(7, encodeSnapshot(7, stateLines(fleet.state.durable))).durable;
    expect([...(durable.jobs.get(job)?.outgrown ?? [])]).toEqual(['map-00001']);
    evolve(durable, { type: 'leader-elected', epoch: 2, atMs: 0, host: 'h' });
    const next = new FleetState(startState(durable, 'memory:', fleet.nowMs, { awaited: [] }));
    const { commands } = next.worker('w1', 2);
    expect(assigned(commands)).toMatchObject([{ attempt: 'map-00001.2-1', slots: 2 }]);
  });

  test('takes over an attempt with the slots that its worker says it has', () => {
    fleet.worker('w1', 2);
    const job = fleet.submit(1, 5);
    outgrow('w1', job, 'map-00000.1-1');
    evolve(fleet.state.durable, { type: 'leader-elected', epoch: 2, atMs: 0, host: 'h' });
    const next = new FleetState(startState(fleet.state.durable, 'memory:', fleet.nowMs, { awaited: ['w1' as never] }));
    const registration = {
      ...{ protocolVersion: PROTOCOL_VERSION, worker: parseWorkerId('w1'), incarnation: 'w1', slots: 3 },
      ...{ host: 'h', nodeVersion: 'v', running: [{ job, attempt: parseAttemptId('map-00000.1-2'), slots: 2 }] },
    };
    const { commands } = next.tell({ type: 'session-opened', session: 1, registration });
    expect(assigned(commands).map(({ attempt }) => attempt)).toEqual(['map-00001.2-1']);
    expect(clusterFigures(next.state, next.nowMs).slots).toMatchObject({ busy: 3, free: 0 });
  });

  test('of a job that knows of none has none: what was journalled before there were any stays as it was', () => {
    expect('outgrown' in (emptyState().jobs.get('x' as JobId) ?? {})).toBe(false);
    fleet.worker('w1');
    const job = fleet.submit(1, 2);
    fleet.fail('w1', job, 'map-00000.1-1', 'executor-died');
    expect(fleet.job(job)).not.toHaveProperty('outgrown');
  });
});
