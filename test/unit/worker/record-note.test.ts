/** The record that an executor was at, as its agent finds it when the executor is dead. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecordNote, recordOf } from '../../../worker/record-note.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-note-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const place = (offset: number, uri = 'file:///a.txt') => ({
  record: `the record at offset ${offset} of ${uri}`,
  where: `${uri} offset ${offset}`,
});

describe('a note of the record at hand', () => {
  test('is of the last record, however long those before it were', () => {
    const note = new RecordNote(folder, 'map-00000.1-2');
    note.at(place(100_000, `file:///${'long/'.repeat(100)}größe.txt`));
    note.at(place(7));
    expect(recordOf(folder, 'map-00000.1-2')).toEqual(place(7));
    note.end();
  });

  test('is none once the attempt is past its records', () => {
    const note = new RecordNote(folder, 'map-00000.1-2');
    note.at(place(7));
    note.end();
    expect(recordOf(folder, 'map-00000.1-2')).toBeUndefined();
  });

  test('is none of another attempt in the same executor', () => {
    new RecordNote(folder, 'map-00000.1-2').at(place(7));
    expect(recordOf(folder, 'map-00001.1-1')).toBeUndefined();
  });

  test('is none where nobody was careful, or where it is cut short', () => {
    expect(recordOf(folder, 'map-00000.1-2')).toBeUndefined();
    for (const text of ['', '\n', 'map-00000.1-2', 'map-00000.1-2\titem 3', 'map-00000.1-2\titem 3\n']) {
      writeFileSync(join(folder, 'record'), text);
      expect(recordOf(folder, 'map-00000.1-2')).toBeUndefined();
    }
  });

  test('that cannot be written fails nothing', () => {
    const note = new RecordNote(join(folder, 'missing'), 'map-00000.1-2');
    note.at(place(7));
    note.end();
    expect(recordOf(folder, 'map-00000.1-2')).toBeUndefined();
  });
});
