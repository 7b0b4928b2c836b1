/** The first rows of a result, for somebody who looks at it. */
import { open } from 'node:fs/promises';
import { filePath } from '../../shared/store/uri.js';
import { harmless } from '../render/style.js';

const READ_BYTES = 16 * 1024;

/** At most `count` rows from the parts in order, each cut to `width`; empty where nothing can be read. */
export async function previewRows(parts: readonly string[], count: number, width: number): Promise<string[]> {
  const rows: string[] = [];
  for (const part of parts) {
    if (rows.length >= count || !part.startsWith('file:')) break;
    for (const line of await firstLines(filePath(part))) {
      if (rows.length < count) rows.push(cut(harmless(line), width));
    }
  }
  return rows;
}

async function firstLines(path: string): Promise<string[]> {
  // What a coordinator elsewhere wrote may not be here.
  const file = await open(path).catch(() => undefined);
  if (!file) return [];
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    // What follows the last newline is nothing, or a row that the read cut off.
    return lines.length > 1 ? lines.slice(0, -1) : lines.filter((line) => line !== '');
  } finally {
    await file.close();
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}
