/**
 * The I/O thread's scratch runs: files in the executor's own folder, each written once, read once, and without a name as
 * soon as it is read, so that its space is free when its reader is done or its process dead. Nothing is synced: what
 * power failure takes away, a repeated attempt writes again.
 */
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { GristmillError } from '../../shared/errors.js';
import { gate } from '../../shared/gate.js';
import { errno } from '../../shared/store/file-errors.js';
import { FileReader } from '../../shared/store/file-reader.js';
import { attempt, systemFiles, writeAll, type FileCalls } from '../../shared/store/files.js';
import type { ObjectReader } from '../../shared/store/object-store.js';
import type { OutgoingStream } from './io-outputs.js';

export class ScratchRuns {
  private readonly folder: string;
  private readonly files: FileCalls;
  /** Paths of runs that have not been read, by their outputs' numbers. */
  private readonly paths = new Map<number, string>();

  /** `folder` exists. `files` is for tests that fail a call. */
  constructor(folder: string, files: FileCalls = systemFiles) {
    this.folder = folder;
    this.files = files;
  }

  async create(run: number): Promise<OutgoingStream> {
    const path = join(this.folder, `run-${run}`);
    this.paths.set(run, path);
    try {
      return new ScratchFile(await this.files.open(path, 'wx'), path);
    } catch (thrown) {
      throw scratchError(thrown, path, 'write');
    }
  }

  /** A finished run, once. */
  async open(run: number): Promise<ObjectReader> {
    const path = this.paths.get(run);
    if (path === undefined) throw new GristmillError('internal', 'no such scratch run', { context: { run } });
    try {
      const handle = await this.files.open(path, 'r');
      await this.remove(run, path);
      return new FileReader({ handle, path, start: 0, end: Infinity });
    } catch (thrown) {
      throw scratchError(thrown, path, 'read');
    }
  }

  /** At the end of an attempt: what it has not read. */
  async removeAll(): Promise<void> {
    for (const [run, path] of [...this.paths]) await this.remove(run, path);
  }

  private async remove(run: number, path: string): Promise<void> {
    this.paths.delete(run);
    await attempt(this.files.unlink(path));
  }
}

class ScratchFile implements OutgoingStream {
  private readonly handle: FileHandle;
  private readonly path: string;

  constructor(handle: FileHandle, path: string) {
    this.handle = handle;
    this.path = path;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await gate('scratch');
    try {
      await writeAll(this.handle, bytes);
    } catch (thrown) {
      throw scratchError(thrown, this.path, 'write');
    }
  }

  async finish(): Promise<undefined> {
    try {
      await this.handle.close();
    } catch (thrown) {
      throw scratchError(thrown, this.path, 'write');
    }
  }

  /** Its name goes with those of all runs. */
  async abort(): Promise<void> {
    await attempt(this.handle.close());
  }
}

/** The disk is the machine's own, so its errors are none of the store's. */
function scratchError(thrown: unknown, path: string, verb: 'read' | 'write'): GristmillError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(errno(thrown));
  const what = isFull ? `no space left to ${verb}` : `cannot ${verb}`;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new GristmillError(isFull ? 'disk-full' : 'internal', `${what} the scratch file ${path}: ${why}`, {
    cause: thrown,
    where: path,
  });
}
