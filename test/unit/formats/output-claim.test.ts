import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { claimantOf, claimOutput, releaseClaim, type ClaimOptions } from '../../../shared/formats/output-claim.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { currentOwner, type Owner } from '../../../shared/store/owner.js';
import { Stores } from '../../../shared/store/stores.js';
import { fileUri } from '../../../shared/store/uri.js';
import { keysOf, text } from '../../contract/store/subject.js';
import { failureOf } from './outcome.js';

const owner = (pid: number, isPrivate = true): Owner => ({ host: 'host', pid, startTime: '1', private: isPrivate });
/** Processes below 100 are dead. */
const isOwnerDead = ({ pid }: Owner) => pid < 100;
const DEAD = 1;
const ALIVE = 100;

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

function options(job: string, pid: number, more: Partial<ClaimOptions> = {}): ClaimOptions {
  const output = 'file:///out';
  return { output, job, owner: owner(pid), overwrite: false, isOwnerDead, place: { store, key: 'out' }, ...more };
}
const claim = (job: string, pid: number, more?: Partial<ClaimOptions>) => claimOutput(options(job, pid, more));
const refusal = (job: string, pid: number, more?: Partial<ClaimOptions>) => failureOf(claim(job, pid, more));

async function put(names: Record<string, unknown>): Promise<void> {
  for (const [name, content] of Object.entries(names)) {
    await store.put(`out/${name}`, text(typeof content === 'string' ? content : JSON.stringify(content)));
  }
}

const result = (job: string) => ({
  '_manifest.json': { job, parts: [{ key: 'part-00000.jsonl' }, { key: 'part-00001.jsonl' }] },
  'part-00000.jsonl': 'old',
  'part-00001.jsonl': 'old',
  '_audit.jsonl': 'old',
});
const claimedBy = async () =>
  (JSON.parse(new TextDecoder().decode(await store.get('out/_job.json'))) as { job: string }).job;
const names = async () => (await keysOf(store, 'out/')).map((key) => key.slice('out/'.length));

describe('a free output', () => {
  test('is claimed by one job, again by the same, and by no other while its process lives', async () => {
    expect(await claim('a', ALIVE)).toEqual({ replaces: [] });
    expect(await claim('a', ALIVE)).toEqual({ replaces: [] });
    expect(await claim('a', ALIVE + 1)).toEqual({ replaces: [] });
    const error = await refusal('b', ALIVE + 1);
    expect(error.code).toBe('output-occupied');
    expect(error.message).toContain('job a is writing to it (process 100 on host)');
    expect((await refusal('b', ALIVE + 1, { overwrite: true })).message).toContain('process 100 on host');
    expect(await claimedBy()).toBe('a');
  });

  test('is claimed by one of many jobs at once', async () => {
    const jobs = Array.from({ length: 16 }, (_, i) => `job${i}`);
    const outcomes = await Promise.allSettled(jobs.map((job, i) => claim(job, ALIVE + i)));
    const winners = jobs.filter((_, i) => outcomes[i]?.status === 'fulfilled');
    expect(winners).toEqual([await claimedBy()]);
  });

  test('is free again after its release, which another job cannot do', async () => {
    await claim('a', ALIVE);
    await releaseClaim({ ...options('b', ALIVE) });
    expect(await names()).toEqual(['_job.json']);
    expect(await claimantOf(store, 'out/')).toBe('a');
    await releaseClaim({ ...options('a', ALIVE) });
    await releaseClaim({ ...options('a', ALIVE) });
    expect(await names()).toEqual([]);
    expect(await claimantOf(store, 'out/')).toBeUndefined();
  });

  test('may have neighbours whose names begin like its own', async () => {
    await store.put('out-2/part', text('x'));
    await store.put('outer', text('x'));
    expect(await claim('a', ALIVE)).toEqual({ replaces: [] });
  });
});

describe('an output that holds something', () => {
  test('is refused with the names, and the claim is given back', async () => {
    await put({ 'a.txt': '', 'b/c.txt': '', d: '', e: '', f: '', g: '' });
    for (const overwrite of [false, true]) {
      const error = await refusal('a', ALIVE, { overwrite });
      expect(error.code).toBe('output-occupied');
      expect(error.message).toContain('a.txt, b/c.txt, d, e, f, ...');
      expect(error.message).toContain('file:///out');
      expect(error.message).toContain('move');
      expect((await names()).length).toBe(6);
    }
  });

  test('an earlier result is refused with the remedy, and replaced with it', async () => {
    await claim('a', DEAD);
    await put({ ...result('a'), _SUCCESS: '' });
    const before = await names();
    const error = await refusal('b', ALIVE);
    expect(error.message).toContain('result of job a');
    expect(error.message).toContain('--overwrite');
    expect(await names()).toEqual(before);
    expect(await claimedBy()).toBe('a');
    const { replaces, tookOver } = await claim('b', ALIVE, { overwrite: true });
    expect(replaces).toEqual(['_audit.jsonl', 'part-00000.jsonl', 'part-00001.jsonl']);
    expect(tookOver).toBeUndefined();
    expect(await names()).toEqual(before);
    expect(await claimedBy()).toBe('b');
  });

  test('an earlier result without its claim is refused and replaced alike', async () => {
    await put({ ...result('a'), _SUCCESS: '' });
    expect((await refusal('b', ALIVE)).message).toContain('--overwrite');
    expect((await claim('b', ALIVE, { overwrite: true })).replaces.length).toBe(3);
  });

  test('a file that the manifest does not list refuses even --overwrite', async () => {
    await claim('a', DEAD);
    await put({ ...result('a'), _SUCCESS: '', 'part-00002.jsonl': 'mine', notes: '' });
    const error = await refusal('b', ALIVE, { overwrite: true });
    expect(error.message).toContain('notes, part-00002.jsonl');
    expect(error.message).not.toContain('part-00000');
  });

  test.each([{ parts: [{ key: '../../home' }] }, { parts: [{ key: '' }] }, { parts: [{}] }, { parts: 1 }, [], 'text'])(
    'a manifest that names something elsewhere, or nothing, is none: %j',
    async (manifest) => {
      await put({ '_manifest.json': manifest });
      expect((await refusal('b', ALIVE, { overwrite: true })).message).toContain('no manifest of Gristmill’s');
      expect(await names()).toEqual(['_manifest.json']);
    },
  );

  test('a standing coordinator’s finished job is replaced though its process lives', async () => {
    await claim('a', ALIVE, { owner: owner(ALIVE, false) });
    await put(result('a'));
    expect((await refusal('b', ALIVE + 1)).message).toContain('--overwrite');
    expect((await claim('b', ALIVE + 1, { overwrite: true })).replaces.length).toBe(3);
  });

  test('a live job that is overwriting an earlier result is not mistaken for a finished one', async () => {
    await claim('a', DEAD);
    await put({ ...result('a'), _SUCCESS: '' });
    await claim('b', ALIVE, { overwrite: true });
    const error = await refusal('c', ALIVE + 1, { overwrite: true });
    expect(error.message).toContain('job b is writing to it');
    expect(await claimedBy()).toBe('b');
  });

  test('a _job.json that is no claim is refused', async () => {
    await put({ '_job.json': '{"job":"x"}' });
    expect((await refusal('b', ALIVE, { overwrite: true })).message).toContain('no claim of Gristmill’s');
  });
});

describe('a dead owner', () => {
  test('loses its claim, its staged writes and what it published without a manifest, with a sentence', async () => {
    await claim('a', DEAD);
    await put({ 'part-00000.jsonl': 'x', 'part-00012.txt': 'x', _SUCCESS: '', '_errors.jsonl': '' });
    const stage = await store.stage('out/part-00001.jsonl', 'reduce-00001.1-1');
    const seal = await stage.seal();
    const { replaces, tookOver } = await claim('b', ALIVE);
    expect(replaces).toEqual([]);
    expect(tookOver).toBe(
      'took over the output from job a, whose process 1 on host is gone and removed 4 files that it left unfinished',
    );
    expect(await names()).toEqual(['_job.json']);
    expect(await claimedBy()).toBe('b');
    expect((await failureOf(store.publish(seal))).code).toBe('staged-missing');
  });

  test('leaves what is not its own where it is, and that still refuses', async () => {
    await claim('a', DEAD);
    await put({
      'part-00000.jsonl': 'x',
      'part-1.jsonl': 'mine',
      'part-00000.jsonl.bak': 'mine',
      'sub/part-00000.jsonl': '',
    });
    const error = await refusal('b', ALIVE);
    expect(error.message).toContain('part-00000.jsonl.bak, part-1.jsonl, sub/part-00000.jsonl');
    expect(await names()).toEqual(['part-00000.jsonl.bak', 'part-1.jsonl', 'sub/part-00000.jsonl']);
  });

  test('that was overwriting and had not begun to publish leaves the earlier result whole', async () => {
    await claim('a', DEAD);
    await put({ ...result('a'), _SUCCESS: '' });
    await claim('b', DEAD + 1, { overwrite: true });
    const before = await names();
    const error = await refusal('c', ALIVE);
    expect(error.message).toContain('result of job a');
    expect(await names()).toEqual(before);
    const { replaces, tookOver } = await claim('c', ALIVE, { overwrite: true });
    expect(replaces.length).toBe(3);
    expect(tookOver).toContain('job b');
    expect(await names()).toEqual(before);
  });

  test('of a standing coordinator keeps its claim: a successor goes on', async () => {
    await claim('a', DEAD, { owner: owner(DEAD, false) });
    expect((await refusal('b', ALIVE, { overwrite: true })).message).toContain('job a is writing to it');
  });

  test('is followed by exactly one of many that come at once', async () => {
    for (let round = 0; round < 20; round++) {
      store = new MemoryStore();
      await claim('dead', DEAD);
      await put({ 'part-00000.jsonl': 'x' });
      const jobs = Array.from({ length: 8 }, (_, i) => `job${i}`);
      const outcomes = await Promise.allSettled(jobs.map((job, i) => claim(job, ALIVE + i)));
      const winners = jobs.filter((_, i) => outcomes[i]?.status === 'fulfilled');
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect((outcome.reason as GristmillError).code).toBe('output-occupied');
      }
      expect(winners.length).toBeLessThanOrEqual(1);
      if (winners.length === 1) expect(await claimedBy()).toBe(winners[0]);
      await claimOutput(options(winners[0] ?? 'later', ALIVE));
      expect(await names()).toEqual(['_job.json']);
    }
  });

  test('a taker that dies at any call is followed by another', async () => {
    for (let n = 1; ; n++) {
      store = new MemoryStore();
      await claim('dead', DEAD);
      await put({ 'part-00000.jsonl': 'x' });
      let calls = 0;
      const dying = store.handle(() => {
        calls += 1;
        if (calls >= n) throw new GristmillError('fenced', 'this process is gone');
      });
      await claimOutput(options('taker', DEAD + 1, { place: { store: dying, key: 'out' } })).catch(() => undefined);
      await claim('next', ALIVE);
      expect(await names()).toEqual(['_job.json']);
      expect(await claimedBy()).toBe('next');
      if (calls < n) break;
      expect(n).toBeLessThan(100);
    }
  });
});

describe('in a folder', () => {
  test('the process itself claims; what it cannot write to is named with the remedy', async () => {
    const root = await mkdtemp(join(tmpdir(), 'gristmill-claim-'));
    try {
      const output = fileUri(join(root, 'deep/out'));
      const stores = new Stores();
      const own = (uri: string) => ({
        job: 'a',
        owner: currentOwner(),
        overwrite: false,
        output: uri,
        place: stores.locate(uri),
      });
      expect(await claimOutput(own(output))).toEqual({ replaces: [] });
      expect(await readdir(join(root, 'deep/out'))).toEqual(['_job.json']);
      await releaseClaim(own(output));
      expect(await readdir(root)).toEqual([]);
      await writeFile(join(root, 'file'), '');
      const blocked = await failureOf(claimOutput(own(fileUri(join(root, 'file')))));
      expect(blocked.code).toBe('output-unwritable');
      expect(blocked.message).toContain(join(root, 'file'));
      expect((await failureOf(claimOutput(own('file:///')))).code).toBe('invalid-request');
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
