/** The small parts of the S3 store, over generated values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PartBuffer } from '../../../shared/store/s3/part-buffer.js';
import { formatStaged, parseStaged } from '../../../shared/store/s3/s3-seal.js';
import { checkKey } from '../../../shared/store/key.js';
import { limits } from '../../../shared/limits.js';
import { childrenOf, escapeXml, isXmlText, parseXml, textOf } from '../../../shared/store/s3/xml.js';

describe('answers in XML', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,5}$/);
  const content = fc
    .string({ unit: 'binary', maxLength: 12 })
    .filter((text) => isXmlText(text) && !/\p{Surrogate}/u.test(text));

  test('are read as they were written, whatever the texts look like', () => {
    const special = fc.constantFrom('007', '1e5', ' x ', '', '<&>"\'', '&#38;', ']]>', 'true', '\r\n', '&lt;');
    const leaves = fc.array(fc.tuple(name, fc.oneof(content, special)), { maxLength: 8 });
    fc.assert(
      fc.property(name, leaves, fc.boolean(), (root, children, isSpaced) => {
        const gap = isSpaced ? '\n  ' : '';
        const inner = children.map(([each, text]) => `${gap}<${each} a="b">${escapeXml(text)}</${each}>`).join('');
        const parsed = parseXml(
          `<?xml version="1.0" encoding="UTF-8"?>\n<s3:${root} xmlns="x">${inner}${gap}</s3:${root}>`,
        );
        expect(parsed?.name).toBe(root);
        expect(parsed?.children.map((each) => [each.name, each.text])).toEqual(children);
      }),
      { numRuns: 500 },
    );
  });

  test('are none when they are cut anywhere', () => {
    const whole = '<?xml version="1.0"?><A><B>1</B><C/><B>&amp;<![CDATA[<x>]]></B></A>';
    const parsed = parseXml(whole);
    expect(parsed && childrenOf(parsed, 'B').map(({ text }) => text)).toEqual(['1', '&<x>']);
    expect(parsed && textOf(parsed, 'C')).toBe('');
    for (let end = 0; end < whole.length; end++) expect(parseXml(whole.slice(0, end)), String(end)).toBeUndefined();
  });

  test('of any text are either elements or nothing, and never an error', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '/', 'a', '&', '!', '[', ']', '-', '?', ' ', ';') }),
        (text) => {
          parseXml(text);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test('parts hold all bytes in their order, each as full as it may be but the last', () => {
  const part = 1000;
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2500 }), { maxLength: 10 }), (writes) => {
      const buffer = new PartBuffer();
      const parts: Uint8Array[] = [];
      for (const bytes of writes) {
        for (let at = 0; at < bytes.length;) {
          at += buffer.fill(bytes.subarray(at), part);
          if (buffer.length === part) parts.push(buffer.take());
        }
        bytes.fill(0, bytes.length); // the caller's again
      }
      const rest = buffer.take();
      expect(parts.every(({ length }) => length === part)).toBe(true);
      expect(rest.length).toBeLessThan(part);
      expect(Buffer.compare(Buffer.concat([...parts, rest]), Buffer.concat(writes))).toBe(0);
    }),
  );
});

test('a seal names its upload in a text that is a key, and is short', () => {
  const id = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 130 });
  const etag = fc.stringMatching(/^[0-9a-f]{32}$/);
  fc.assert(
    fc.property(id, fc.array(etag, { maxLength: 20 }), (uploadId, etags) => {
      fc.pre(uploadId !== '.' && uploadId !== '..');
      const staged = formatStaged({ writer: 'w', uploadId, etags });
      expect(checkKey(staged)).toBe(staged);
      expect(staged.length).toBeLessThan(3 * 130 + 33 * limits.s3SealPartsMax + 10);
      const kept = etags.length > limits.s3SealPartsMax ? [] : etags;
      const seal = { staged, key: 'k', bytes: 0, xxh64: 0n, attempt: 'a' };
      expect(parseStaged(seal)).toEqual({ writer: 'w', uploadId, etags: kept });
    }),
  );
});
