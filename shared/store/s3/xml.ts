/**
 * What S3 servers answer, as elements. The client's own parsers make numbers of names that look like some (`007` is read as
 * `7`), cut spaces, and lose a marker of long listings; here a text is the text that was sent.
 */
export interface XmlElement {
  /** Without a namespace. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

interface OpenElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

const TOKEN = /<\?[^>]*\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<![^>]*>|<(\/?)([^\s/>]+)[^>]*?(\/?)>|([^<]+)/gy;

/** The root element; undefined for what is not well-formed, such as half an answer. */
export function parseXml(source: string): XmlElement | undefined {
  const root: OpenElement = { name: '', children: [], text: '' };
  const open: OpenElement[] = [root];
  let end = 0;
  for (const token of source.matchAll(TOKEN)) {
    end = token.index + token[0].length;
    const [, data, closes, tag, isEmpty, text] = token;
    const inner = open.at(-1) ?? root;
    if (data !== undefined) inner.text += data;
    else if (text !== undefined) inner.text += decode(text);
    else if (tag === undefined) continue;
    else if (closes === '/') {
      if (open.length === 1 || inner.name !== localName(tag)) return undefined;
      open.pop();
    } else {
      const element: OpenElement = { name: localName(tag), children: [], text: '' };
      inner.children.push(element);
      if (isEmpty !== '/') open.push(element);
    }
  }
  return open.length === 1 && end === source.length && root.children.length === 1 ? root.children[0] : undefined;
}

export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The text of the first child of that name; undefined where there is none. */
export function textOf(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Characters that no XML document can hold, not even escaped. */
export function isXmlText(text: string): boolean {
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]+));/g, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return NAMED[name] ?? whole;
    const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function localName(tag: string): string {
  return tag.slice(tag.indexOf(':') + 1);
}
