/** Scratch runs of merge passes, as local files that the user thread writes and reads synchronously. */
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GristmillError } from '../../shared/errors.js';
import type { ByteSource } from '../../shared/kernel/block-source.js';
import type { ScratchRun } from '../../shared/kernel/scratch.js';
import type { TaskScratch } from '../ports.js';

const READ_BYTES = 256 * 1024;

export class FileScratch implements TaskScratch {
  private readonly folder: string;
  private readonly open = new Set<number>();
  private runs = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  create(): ScratchRun {
    if (this.runs === 0) mkdirSync(this.folder, { recursive: true });
    const name = `run-${this.runs++}`;
    const path = join(this.folder, name);
    const file = this.openFile(path, 'w');
    return {
      bytes: 0,
      write: (bytes) => {
        writeAll(file, bytes, path);
      },
      finish: () => {
        this.close(file);
        return () => this.read(path);
      },
    };
  }

  /** Closes and removes whatever there is. */
  remove(): void {
    for (const file of [...this.open]) this.close(file);
    if (this.runs > 0) rmSync(this.folder, { recursive: true, force: true });
  }

  private read(path: string): ByteSource {
    const file = this.openFile(path, 'r');
    const buffer = new Uint8Array(READ_BYTES);
    return {
      next: () => {
        if (!this.open.has(file)) return undefined;
        const length = readSync(file, buffer);
        if (length > 0) return buffer.subarray(0, length);
        this.close(file);
        return undefined;
      },
      close: () => this.close(file),
    };
  }

  private openFile(path: string, flags: 'w' | 'r'): number {
    const file = openSync(path, flags);
    this.open.add(file);
    return file;
  }

  private close(file: number): void {
    if (this.open.delete(file)) closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  } catch (error) {
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new GristmillError(full ? 'disk-full' : 'internal', `cannot write the scratch file ${path}`, {
      cause: error,
    });
  }
}
