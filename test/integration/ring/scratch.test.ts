/** Scratch runs through the ring with its two real threads: what is read is what was written, and the disk is given back. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ByteSource } from '../../../shared/kernel/block-source.js';
import { ioThread, type IoThread } from './io-thread.js';

const shape = { bufferBytes: 1024, buffersIn: 12, bufferOutBytes: 700, buffersOut: 2, sourcesMax: 8 };
const folder = mkdtempSync(join(tmpdir(), 'gristmill-scratch-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let thread: IoThread;
beforeEach(async () => (thread = await ioThread(shape, folder, folder)));
afterEach(async () => {
  await thread.ended();
  await thread.terminate();
  expect(readdirSync(folder)).toEqual([]);
});

const numbered = (bytes: number, from = 0) => Uint8Array.from({ length: bytes }, (_, i) => (from + i * 31) % 251);

function readAll(source: ByteSource): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = source.next(); piece; piece = source.next()) pieces.push(piece.slice());
  return new Uint8Array(Buffer.concat(pieces));
}

describe('a scratch run', () => {
  test('gives what was written, in whatever pieces, while others are written and read beside it', () => {
    const piece = fc.record({ run: fc.nat(3), bytes: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const runs = [0, 1, 2, 3].map(() => thread.io.create());
        const written: Uint8Array[][] = [[], [], [], []];
        for (const [i, { run, bytes }] of pieces.entries()) {
          const content = numbered(bytes, i);
          runs[run]!.write(content);
          written[run]!.push(content.slice());
          content.fill(0); // a run takes its bytes before it returns
        }
        const sources = runs.map((run) => run.finish()());
        const found: Uint8Array[][] = [[], [], [], []];
        for (let open = new Set(sources); open.size > 0;) {
          for (const source of open) {
            const bytes = source.next();
            if (bytes) found[sources.indexOf(source)]!.push(bytes.slice());
            else open.delete(source);
          }
        }
        for (const [i, run] of runs.entries()) {
          expect(Buffer.concat(found[i]!)).toEqual(Buffer.concat(written[i]!));
          expect(run.bytes).toBe(written[i]!.reduce((sum, bytes) => sum + bytes.length, 0));
        }
        expect(readdirSync(folder)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test('has no name from its first byte read on', () => {
    const run = thread.io.create();
    run.write(numbered(5000));
    const open = run.finish();
    expect(readdirSync(folder)).toHaveLength(1);
    const source = open();
    source.next();
    expect(readdirSync(folder)).toEqual([]);
    source.close();
  });

  test('can be read once', () => {
    const run = thread.io.create();
    run.write(numbered(100));
    const open = run.finish();
    expect(readAll(open())).toEqual(numbered(100));
    expect(() => open().next()).toThrow(/no such scratch run/);
  });

  test('that is not finished, or not read, is gone when its attempt ends', async () => {
    thread.io.create().write(numbered(1000));
    const finished = thread.io.create();
    finished.write(numbered(1000));
    finished.finish();
    const left = thread.io.create();
    left.write(numbered(1000));
    left.finish()().next();
    await thread.ended();
    expect(readdirSync(folder)).toEqual([]);
    const next = thread.io.create();
    next.write(numbered(3000));
    expect(readAll(next.finish()())).toEqual(numbered(3000));
  });

  test('whose file cannot be made fails at its end, with the path, and the next one works', () => {
    rmSync(folder, { recursive: true });
    const run = thread.io.create();
    for (let i = 0; i < 20; i++) run.write(numbered(500));
    expect(() => run.finish()).toThrow(new RegExp(`${folder}/run-1`));
    mkdirSync(folder);
    const next = thread.io.create();
    next.write(numbered(10));
    expect(readAll(next.finish()())).toEqual(numbered(10));
  });
});
