/** Where a text stops being JSON. JavaScript's own errors name the place only sometimes, and differ between versions. */

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing';

/** The index of the first token that is not JSON there; the text's length when it merely ends too early. */
export function jsonErrorAt(text: string): number {
  /** The closing bracket of each open array and object. */
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const character = text.charAt(at);
    const isEnd = character === open.at(-1) && expected.endsWith('or end');
    let next = at + 1;
    if (isEnd) {
      open.pop();
      expected = open.length === 0 ? 'nothing' : 'comma or end';
    } else if (expected === 'colon' && character === ':') {
      expected = 'value';
    } else if (expected === 'comma or end' && character === ',') {
      expected = open.at(-1) === '}' ? 'key' : 'value';
    } else if (expected.startsWith('key') && character === '"') {
      next = skip(STRING, text, at);
      expected = 'colon';
    } else if (expected.startsWith('value')) {
      if (character === '[' || character === '{') {
        open.push(character === '[' ? ']' : '}');
        expected = character === '[' ? 'value or end' : 'key or end';
      } else {
        next = skip(character === '"' ? STRING : SCALAR, text, at);
        expected = open.length === 0 ? 'nothing' : 'comma or end';
      }
    } else return at;
    if (next === at) return at;
    at = skip(SPACE, text, next);
  }
  return text.length;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
