/** The scratch folders of workers: each removes its own, and those of workers that were killed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeScratch } from '../../../client/standing/scratch.js';
import { currentOwner } from '../../../shared/store/owner.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'gristmill-scratch-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

const here = currentOwner(false);

test('what a killed worker left is removed by the next one; what lives, or is not ours, stays', () => {
  const killed = makeScratch(
    parent,
    { ...here, startTime: here.startTime.replace(/^\d+/, '1') },
    Buffer.from('01', 'hex'),
  );
  const living = makeScratch(parent, here, Buffer.from('02', 'hex'));
  mkdirSync(join(parent, 'gristmill-worker-other'));
  writeFileSync(join(parent, 'file'), '');
  expect(existsSync(join(killed.path, '..'))).toBe(false);
  expect(readdirSync(parent)).toEqual(['file', 'gristmill-worker-02', 'gristmill-worker-other']);
  living.remove();
  expect(readdirSync(parent)).toEqual(['file', 'gristmill-worker-other']);
});

test('what a killed worker left is removed at the end of one that was there before', () => {
  const first = makeScratch(parent, here, Buffer.from('01', 'hex'));
  makeScratch(parent, { ...here, startTime: here.startTime.replace(/^\d+/, '1') }, Buffer.from('02', 'hex'));
  first.remove();
  expect(readdirSync(parent)).toEqual([]);
});

test('a folder that cannot be written is refused with its name', () => {
  writeFileSync(join(parent, 'file'), '');
  expect(() => makeScratch(join(parent, 'file'), here, Buffer.from('01', 'hex'))).toThrow(/scratch folder .*file/);
});
