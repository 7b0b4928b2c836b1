/** Where a worker watches its memory, and what it reads there. */
import { describe, expect, test } from 'vitest';
import { memoryReadingsHere } from '../../../worker/memory-readings.js';

const MiB = 1024 * 1024;

/** A container of Kubernetes on a node of version 2: its own group is the root that it sees. */
const pod = {
  '/proc/self/cgroup': '0::/\n',
  '/sys/fs/cgroup/memory.oom.group': '1\n',
  '/sys/fs/cgroup/memory.max': `${512 * MiB}\n`,
  '/sys/fs/cgroup/memory.current': `${300 * MiB}\n`,
  '/sys/fs/cgroup/memory.stat': 'anon 1000\nfile 9000\ninactive_anon 7\ninactive_file 4096\nactive_file 8192\n',
  '/proc/12/status': 'Name:\tgristmill-execu\nVmRSS:\t   90000 kB\nRssAnon:\t   60000 kB\nRssFile:\t   30000 kB\n',
};

const readingsOf = (files: Readonly<Record<string, string | undefined>>) => memoryReadingsHere((path) => files[path]);

describe('readings', () => {
  test('are what the group has, less what the kernel would drop, and what a process has of its own', () => {
    const readings = readingsOf(pod);
    expect(readings?.limit()).toBe(512 * MiB);
    expect(readings?.held()).toBe(300 * MiB);
    expect(readings?.cached()).toBe(4096 + 8192);
    expect(readings?.ownOf(12)).toBe(60_000 * 1024);
    expect(readings?.ownOf(13)).toBe(0);
  });

  test('come from the group of the process itself, where it sees those of others too', () => {
    const own = '/sys/fs/cgroup/kubepods.slice/worker';
    const files = {
      '/proc/self/cgroup': '0::/kubepods.slice/worker\n',
      [`${own}/memory.oom.group`]: '1\n',
      [`${own}/memory.max`]: '4096\n',
      '/sys/fs/cgroup/memory.oom.group': '0\n',
    };
    expect(readingsOf(files)?.limit()).toBe(4096);
  });

  test('follow a limit that changes while the worker runs', () => {
    const files = { ...pod };
    const readings = readingsOf(files);
    files['/sys/fs/cgroup/memory.max'] = '4096\n';
    expect(readings?.limit()).toBe(4096);
    files['/sys/fs/cgroup/memory.max'] = 'max\n';
    expect(readings?.limit()).toBeUndefined();
  });

  test.each([
    ['the kernel ends one process alone', { ...pod, '/sys/fs/cgroup/memory.oom.group': '0\n' }],
    ['there is no limit', { ...pod, '/sys/fs/cgroup/memory.max': 'max\n' }],
    [
      'groups are of version 1',
      { '/proc/self/cgroup': '4:memory:/a\n0::/\n', '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '4096\n' },
    ],
    ['there are no groups', {}],
  ])('are none where %s', (_name, files) => {
    expect(readingsOf(files)).toBeUndefined();
  });
});
