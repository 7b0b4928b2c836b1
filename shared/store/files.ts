/** The calls to the operating system that a directory store makes: one object, so that a test fails any of them. */
import * as system from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

export type FileCalls = Pick<
  typeof system,
  'link' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'rmdir' | 'stat' | 'unlink'
>;

export const systemFiles: FileCalls = system;

/** Changes with the bytes: every write makes a new file, and a file changed in place has a new time or size. */
export function etagOf(stats: BigIntStats): string {
  return `${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}-${stats.ino.toString(36)}`;
}

/** Plain bytes, not a Buffer, whose `slice` would not copy. */
export function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const place = position === undefined ? null : position + at;
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, place);
    at += bytesWritten;
  }
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
export async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Reads into one piece after the other until all are full or the file ends; returns the bytes read. */
export async function readPieces(handle: FileHandle, pieces: Uint8Array[], position: number): Promise<number> {
  let filled = 0;
  for (let left = pieces; left.length > 0; left = behind(pieces, filled)) {
    const { bytesRead } = await handle.readv(left, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** The pieces without their first `bytes`. */
function behind(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let passed = 0;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.max(0, Math.min(piece.length, bytes - passed)));
    passed += piece.length;
    return rest.length > 0 ? [rest] : [];
  });
}

/** For clean-up, whose failure changes nothing that was promised. */
export async function attempt(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch {
    return false;
  }
}
