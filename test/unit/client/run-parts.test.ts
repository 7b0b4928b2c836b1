import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { displayUri } from '../../../client/run/places.js';
import { previewRows } from '../../../client/run/preview.js';
import { StopRequest } from '../../../client/run/stop-request.js';

describe('places', () => {
  test('are shown as a person in this directory would write them', () => {
    const show = (uri: string) => displayUri(uri, '/home/me');
    expect(show('file:///home/me/out/words/')).toBe('out/words/');
    expect(show('file:///home/me/a%20b.txt')).toBe('a b.txt');
    expect(show('file:///home/you/out')).toBe('/home/you/out');
    expect(show('file:///home/me')).toBe('.');
    expect(show('s3://bucket/key')).toBe('s3://bucket/key');
  });
});

describe('a preview', () => {
  test('is the first rows over all parts, cut to the width', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gristmill-'));
    writeFileSync(join(folder, '0'), '');
    writeFileSync(join(folder, '1'), `one\n${'x'.repeat(100)}\n`);
    writeFileSync(join(folder, '2'), 'three\nfour\n');
    const parts = ['0', '1', '2'].map((name) => `file://${folder}/${name}`);
    expect(await previewRows(parts, 3, 10)).toEqual(['one', 'xxxxxxx...', 'three']);
    rmSync(folder, { recursive: true });
  });
});

describe('a request to stop', () => {
  test('is the first signal; the second one is told apart', () => {
    const stop = new StopRequest();
    expect(stop.requested).toBeUndefined();
    expect(stop.request('SIGINT')).toBe(true);
    expect(stop.signal.aborted).toBe(true);
    expect(stop.request('SIGTERM')).toBe(false);
    expect(stop.requested).toBe('SIGINT');
  });
});
