import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { currentOwner, ownerIsDead } from '../../../shared/store/owner.js';

describe('an owner', () => {
  test('that is this process is not dead', () => {
    expect(currentOwner()).toEqual(currentOwner(true));
    expect(currentOwner(false).private).toBe(false);
    expect(ownerIsDead(currentOwner())).toBe(false);
  });

  test('is dead when its process is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    expect(ownerIsDead({ ...currentOwner(), pid: child.pid ?? 0 })).toBe(true);
  });

  test('is dead when its process id belongs to a later process', () => {
    const { startTime, ...owner } = currentOwner();
    expect(ownerIsDead({ ...owner, startTime: startTime.replace(/^\S+/, '1') })).toBe(true);
  });

  test('of another host, or one that cannot be looked up, is not known to be dead', () => {
    const owner = { ...currentOwner(), pid: 4_000_000 };
    expect(ownerIsDead(owner)).toBe(true);
    expect(ownerIsDead({ ...owner, host: 'elsewhere' })).toBe(false);
    expect(ownerIsDead({ ...owner, startTime: '' })).toBe(process.platform !== 'linux');
  });

  test.runIf(process.platform === 'linux')('is dead after a reboot, and unknown from another container', () => {
    const { startTime, ...owner } = currentOwner();
    const [ticks, boot, namespace] = startTime.split(' ');
    expect(ownerIsDead({ ...owner, startTime: `${ticks} another-boot ${namespace}` })).toBe(true);
    expect(ownerIsDead({ ...owner, pid: 4_000_000, startTime: `${ticks} ${boot} pid:[1]` })).toBe(false);
  });
});
