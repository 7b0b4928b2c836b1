/** A record at which user code ends its own process: after the first death it is known which one it was. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { events, eventually, Workplace } from '../../harness/command.js';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  place.write('input.txt', Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(''));
});
afterEach(() => place.remove());

const job = (map: string, isAsync = false) => `
  import { agg, defineJob, read, write } from 'gristmill';

  export default defineJob({
    name: 'deadly',
    input: read.text('input.txt'),
    ${isAsync ? 'async ' : ''}map(line, emit, ctx) {
      ${map}
      emit(line, ctx.record.offset);
    },
    reduce: agg.sum(),
    output: write.jsonl('out'),
  });
`;

const KILL = `process.kill(process.pid, 'SIGKILL');`;

async function run(text: string) {
  place.write('job.ts', text);
  const ended = await place.run('run', 'job.ts', '--workers', '1', '--json');
  const all = events(ended.stdout);
  const outcome = all.at(-1)?.['outcome'] as { state: string; failure?: Record<string, string> };
  const failures = all.flatMap((event) => {
    const failure = event['type'] === 'attempt' ? (event['failure'] as Record<string, string> | undefined) : undefined;
    return failure ? [failure] : [];
  });
  return { ended, outcome, failures };
}

/** Of the line with this number. */
function offsetOf(number: number): number {
  let offset = 0;
  for (let i = 0; i < number; i++) offset += `line ${i}\n`.length;
  return offset;
}

describe('a record that ends its executor', () => {
  test.each([false, true])(
    'is named by every attempt but the first, and by the job; its map is async: %s',
    async (isAsync) => {
      const { ended, outcome, failures } = await run(job(`if (line === 'line 4321') ${KILL}`, isAsync));
      expect(ended.code).toBe(1);
      const where = expect.stringMatching(new RegExp(`^file://.*/input\\.txt offset ${offsetOf(4321)}$`)) as string;
      expect(failures).toMatchObject([
        { code: 'executor-died' },
        ...[2, 3, 4].map(() => ({ code: 'executor-died', where })),
      ]);
      expect(failures[0]?.['message']).toMatch(/while it ran the task \(signal SIGKILL\)/);
      expect(outcome).toMatchObject({ state: 'failed', failure: { code: 'executor-died', where } });
      expect(outcome.failure?.['message']).toMatch(
        new RegExp(
          `ended while it mapped the record at offset ${offsetOf(4321)} of file://.*/input\\.txt \\(signal SIGKILL\\)`,
        ),
      );
      await eventually(() => place.executors().length === 0);
      expect(place.files('tmp')).toEqual([]);
    },
  );

  test('only once costs an attempt, and the result of the careful one is the same', async () => {
    const { ended, failures } = await run(job(`if (line === 'line 99' && ctx.attempt.endsWith('-1')) ${KILL}`));
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(failures).toHaveLength(1);
    const rows = Object.values(place.parts('out')).join('').split('\n').slice(0, -1);
    const expected = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ key: `line ${i}`, value: offsetOf(i) }));
    expect(rows.sort()).toEqual(expected.sort());
  });

  test('is not blamed for what comes after the records', async () => {
    const { failures } = await run(
      job('').replace('reduce: agg.sum(),', `partitions: 2, partition() { ${KILL} return 0; }, reduce: agg.sum(),`),
    );
    expect(failures).toHaveLength(4);
    for (const { message, where } of failures)
      expect([message, where]).toEqual([expect.stringMatching(/ran the task/), undefined]);
  });
});
