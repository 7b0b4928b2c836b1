/** What the kernel counts of the processes that it killed for their memory, and whose kill is whose. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countIn, filesFor, OomKills } from '../../../worker/oom-kills.js';

const events = 'low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n';
const control = 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n';

describe('the count', () => {
  test.each([
    ['of version 2', events, 2],
    ['of version 1', control, 5],
    ['of the machine', 'nr_free_pages 12\noom_kill 20\nnuma_hit 4\n', 20],
    ['of a file that has none', 'oom_kill_disable 0\nunder_oom 0\n', undefined],
    ['of a file that is not there', undefined, undefined],
  ])('%s', (_name, text, count) => {
    expect(countIn(text)).toBe(count);
  });

  test('is looked for in the cgroup of the process, then where a container sees its own, then on the machine', () => {
    expect(filesFor('0::/user.slice/worker\n')).toEqual([
      '/sys/fs/cgroup/user.slice/worker/memory.events',
      '/sys/fs/cgroup/memory.events',
      '/proc/vmstat',
    ]);
    expect(filesFor('9:cpu,cpuacct:/\n4:memory:/docker/ab:c\n0::/\n')).toEqual([
      '/sys/fs/cgroup/memory.events',
      '/sys/fs/cgroup/memory.events',
      '/sys/fs/cgroup/memory/docker/ab:c/memory.oom_control',
      '/sys/fs/cgroup/memory/memory.oom_control',
      '/proc/vmstat',
    ]);
    expect(filesFor('')).toEqual(['/proc/vmstat']);
  });
});

describe('a kill', () => {
  test('is claimed by the process that it met, and by no other that ended meanwhile', () => {
    let count = 4;
    const kills = new OomKills(() => count);
    const [a, b] = [kills.mark(), kills.mark()];
    expect(kills.claim(a)).toBe(false);
    count = 5;
    expect(kills.claim(a)).toBe(true);
    expect(kills.claim(b)).toBe(false);
  });

  test('of a process that is none of ours is not claimed by one that begins later', () => {
    let count = 0;
    const kills = new OomKills(() => count);
    count = 1;
    expect(kills.claim(kills.mark())).toBe(false);
  });

  test('is found for each, in whatever order processes begin, are killed and are heard of', () => {
    const step = fc.constantFrom('begin', 'kill', 'hear', 'other death') satisfies fc.Arbitrary<string>;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let count = 0;
        const kills = new OomKills(() => count);
        const living: number[] = [];
        const killed: number[] = [];
        for (const what of steps) {
          if (what === 'begin') living.push(kills.mark());
          else if (what === 'kill' && living.length > 0) {
            count++;
            killed.push(living.shift() ?? 0);
          } else if (what === 'hear' && killed.length > 0) expect(kills.claim(killed.shift() ?? 0)).toBe(true);
          // While no kill is unheard of, another death is known to be none.
          else if (what === 'other death' && killed.length === 0 && living.length > 0) {
            expect(kills.claim(living.shift() ?? 0)).toBe(false);
          }
        }
        for (const mark of killed) expect(kills.claim(mark)).toBe(true);
      }),
    );
  });
});
