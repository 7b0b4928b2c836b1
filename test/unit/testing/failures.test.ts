/** How a job that is wrong fails its test: with the user's own error, at its place, and nothing is left behind. */
import { describe, expect, test } from 'vitest';
import { runJob } from '../../../client/testing.js';
import { nextTurn } from '../../../shared/clock.js';
import { GristmillError } from '../../../shared/errors.js';
import { agg, defineJob, read, write, type Emit, type EmitRow } from '../../../shared/job/index.js';

function jobOf(map: (line: string, emit: Emit<string, number>) => void | Promise<void>) {
  return defineJob({ name: 'x', input: read.text('x'), map, reduce: agg.sum(), output: write.jsonl('o') });
}

const LINES = ['a', 'b', 'c', 'd'];

async function failure(running: Promise<unknown>): Promise<GristmillError> {
  const thrown: unknown = await running.then(
    () => 'nothing failed',
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(GristmillError);
  return thrown as GristmillError;
}

function event() {
  let happen: () => void = () => undefined;
  const happened = new Promise<void>((resolve) => (happen = resolve));
  return { happened, happen: () => happen() };
}

function countListeners(): number {
  return process.listenerCount('unhandledRejection') + process.listenerCount('uncaughtException');
}

describe('a job that fails', () => {
  test('rejects with what map threw, the number of the item and the line in the source', async () => {
    const thrown = new TypeError('no such word');
    const job = jobOf((line, emit) => {
      if (line === 'c') throw thrown;
      emit(line, 1);
    });
    const error = await failure(runJob(job, { input: LINES }));
    expect(error).toMatchObject({ code: 'map-failed', message: 'TypeError: no such word (in map, on item 2)' });
    expect(error.cause).toBe(thrown);
    expect(error.where).toMatch(/failures\.test\.ts:\d+:\d+$/);
    expect(error.userStack).not.toMatch(/\/(worker|client)\//);
  });

  test('rejects with what reduce threw, and the key', async () => {
    const job = defineJob({
      name: 'x',
      input: read.text('x'),
      map: (line, emit: Emit<string, number>) => emit(line, 1),
      reduce(key, _values, emit: EmitRow<unknown>) {
        emit(key === 'b' ? { bad: () => 1 } : key);
      },
      output: write.jsonl('o'),
    });
    const error = await failure(runJob(job, { input: LINES }));
    expect(error).toMatchObject({ code: 'row-invalid' });
    expect(error.message).toBe('row.bad: is a function, which is no data (in reduce, on the key "b")');
  });

  test('rejects with what setup threw, and is not tried again', async () => {
    let setups = 0;
    const setup = () => {
      setups++;
      throw new Error('no dictionary');
    };
    const job = defineJob({
      name: 'x',
      input: read.text('x'),
      setup,
      map: (line, emit) => emit(line, 1),
      reduce: agg.sum(),
      output: write.jsonl('o'),
    });
    expect(await failure(runJob(job, { input: LINES }))).toMatchObject({ code: 'setup-failed' });
    expect(setups).toBe(1);
  });

  test('rejects when an emit comes after its record has ended', async () => {
    const late: (() => void)[] = [];
    const job = jobOf((line, emit) => {
      for (const call of late) call();
      late.push(() => emit(line, 1));
    });
    await expect(runJob(job, { input: LINES, itemsPerSplit: 1 })).rejects.toMatchObject({ code: 'emit-after-end' });
  });
});

describe('what no await saw', () => {
  test('fails the job that caused it, and reaches nobody else', async () => {
    const before = countListeners();
    const stray = jobOf((line, emit) => {
      if (line === 'b') void Promise.reject(new Error('strayed'));
      emit(line, 1);
    });
    const good = jobOf(async (line, emit) => {
      await Promise.resolve();
      emit(line, 1);
    });
    const [error, fine] = await Promise.all([failure(runJob(stray, { input: LINES })), runJob(good, { input: LINES })]);
    expect(error).toMatchObject({ code: 'unhandled-rejection', cause: { message: 'strayed' } });
    expect(fine.rows).toHaveLength(4);
    expect(countListeners()).toBe(before);
  });

  test('is also what a callback throws while an asynchronous map waits', async () => {
    const job = jobOf(async (line, emit) => {
      await new Promise((resolve) => {
        process.nextTick(() => {
          setImmediate(resolve);
          throw new Error('in a callback');
        });
      });
      emit(line, 1);
    });
    expect(await failure(runJob(job, { input: LINES }))).toMatchObject({
      code: 'unhandled-rejection',
      cause: { message: 'in a callback' },
    });
  });

  test('and is not of a job goes to the listeners that there were', async () => {
    const heard: unknown[] = [];
    const elsewhere = new Error('from elsewhere');
    const others = process.rawListeners('unhandledRejection') as ((...args: unknown[]) => void)[];
    process.removeAllListeners('unhandledRejection');
    const listener = (thrown: unknown) => heard.push(thrown);
    process.on('unhandledRejection', listener);
    try {
      // Rejected by code that was there before the job: which of its callers is to blame for a promise, Nodes see differently.
      const begun = event();
      void begun.happened.then(() => {
        throw elsewhere;
      });
      const waits = jobOf(async (line, emit) => {
        begun.happen();
        await new Promise((resolve) => setImmediate(resolve));
        emit(line, 1);
      });
      expect((await runJob(waits, { input: LINES })).rows).toHaveLength(4);
      expect(heard).toEqual([elsewhere]);
      expect(process.listeners('unhandledRejection')).toEqual([listener]);
    } finally {
      process.off('unhandledRejection', listener);
      for (const other of others) process.on('unhandledRejection', other);
    }
  });
});

describe('a job that is aborted', () => {
  test('touches nothing of the next one, whatever it still emits', async () => {
    const controller = new AbortController();
    const [late, begun] = [event(), event()];
    const aborted = jobOf(async (line, emit) => {
      begun.happen();
      await late.happened;
      for (let i = 0; i < 100; i++) emit(`late ${line} ${i}`, 1);
    });
    const ending = failure(runJob(aborted, { input: ['x'], signal: controller.signal }));
    await begun.happened;
    controller.abort(new Error('enough'));
    await ending;
    const next = jobOf(async (line, emit) => {
      for (let i = 0; i < 10; i++) emit(`a long key of the line ${line}, ${i}`, 1);
      late.happen();
      await nextTurn();
    });
    const { rows } = await runJob(next, { input: ['y'] });
    expect(rows.map(({ key }) => key)).toEqual(Array.from({ length: 10 }, (_, i) => `a long key of the line y, ${i}`));
  });

  test('rejects at once, whatever its code waits for, and ctx.signal fires', async () => {
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    const job = defineJob({
      name: 'x',
      input: read.text('x'),
      async map(_line, _emit: Emit<string, number>, ctx) {
        seen = ctx.signal;
        controller.abort(new Error('enough'));
        await new Promise(() => undefined);
      },
      reduce: agg.sum(),
      output: write.jsonl('o'),
    });
    const error = await failure(runJob(job, { input: LINES, signal: controller.signal }));
    expect(error).toMatchObject({ code: 'aborted', message: 'enough' });
    expect(seen?.aborted).toBe(true);
    const again = runJob(job, { input: LINES, signal: controller.signal });
    expect(await failure(again)).toMatchObject({ code: 'aborted' });
  });
});
