/** Awkward data through the built command, against the plainest program that reads or folds it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { events, Workplace } from '../../harness/command.js';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.remove());

const rowsOf = (name: string) =>
  Object.values(place.parts(name))
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((row) => JSON.parse(row) as unknown);

describe('lines', () => {
  const files: Readonly<Record<string, string>> = {
    'a-crlf.txt': 'one\r\ntwo\r\n\r\nfour\r\n',
    'b-empty.txt': '',
    'c-mark.txt': '\ufeffwith a mark\nand a second line\n',
    'd-mark-alone.txt': '\ufeff',
    'e-no-final-newline.txt': Array.from({ length: 300 }, (_, i) => `line ${i} ${'é'.repeat(i % 40)}`).join('\n'),
    'f-newlines.txt': '\n\n\n',
    'g-long.txt': `short\n${'x'.repeat(400_000)}\nafter it\n`,
  };

  /** Offset in bytes and text of every line. */
  function linesOf(text: string): (readonly [number, string])[] {
    const lines: (readonly [number, string])[] = [];
    let offset = 0;
    for (const line of text.split('\n')) {
      lines.push([offset, line.replace(/\r$/, '').replace(/^\ufeff/, '')]);
      offset += Buffer.byteLength(line) + 1;
    }
    const last = lines.at(-1);
    if (last?.[1] === '') lines.pop();
    return lines;
  }

  test('come each once and in order, however small the splits, through one executor that is used again and again', async () => {
    mkdirSync(place.path('lines'));
    for (const [name, text] of Object.entries(files)) writeFileSync(place.path(`lines/${name}`), text);
    place.write(
      'lines.ts',
      `import { defineMap, read, write, type EmitRow } from 'gristmill';
      export default defineMap({
        name: 'lines',
        input: read.text('lines/*.txt', { splitBytes: 3000 }),
        map(line, emit: EmitRow<object>, ctx) {
          const { uri, offset } = ctx.record;
          emit({ file: uri.slice(uri.lastIndexOf('/') + 1), offset, line: line.length > 999 ? line.length : line });
        },
        output: write.jsonl('out-lines'),
      });`,
    );
    const ended = await place.run('run', 'lines.ts', '--workers', '1', '--json');
    expect(ended.stderr).toBe('');
    const expected = Object.entries(files).flatMap(([file, text]) =>
      linesOf(text).map(([offset, line]) => ({ file, offset, line: line.length > 999 ? line.length : line })),
    );
    expect(rowsOf('out-lines')).toEqual(expected);
    const outcome = events(ended.stdout).at(-1)?.['outcome'] as { counts: Record<string, unknown> };
    const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(outcome.counts).toMatchObject({ recordsRead: expected.length, bytesRead: bytes });
  });
});
