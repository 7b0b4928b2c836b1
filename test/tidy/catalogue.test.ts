/** One source of truth: the catalogues of errors and limits and the documents agree. */
import { describe, expect, test } from 'vitest';
import { documents, limitNotes, withTable } from '../../scripts/docs/tables.js';
import { limits } from '../../shared/limits.js';
import { text } from './checkout.js';

describe('the catalogues', () => {
  test('every limit has its reason', () => {
    const notes = limitNotes(text('shared/limits.ts'));
    expect(notes.map(({ name }) => name)).toEqual(Object.keys(limits));
    expect(notes.filter(({ reason }) => reason === undefined || reason === '').map(({ name }) => name)).toEqual([]);
  });

  test.each(documents(text('shared/limits.ts')))('$path says what the code says: `npm run docs`', ({ path, table }) => {
    expect(text(path)).toBe(withTable(text(path), table));
  });
});
