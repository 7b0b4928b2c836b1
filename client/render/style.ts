/** How text may look on the stream that it goes to: colours, and characters beyond ASCII. */

export interface Style {
  readonly colour: boolean;
  readonly unicode: boolean;
}

export const PLAIN: Style = { colour: false, unicode: false };

type Environment = Readonly<Record<string, string | undefined>>;

/** A terminal has colours unless `NO_COLOR` is set to anything, or it is a dumb one. */
export function styleOf(isTerminal: boolean, environment: Environment): Style {
  if (!isTerminal) return PLAIN;
  const noColour = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  const locale = environment['LC_ALL'] ?? environment['LC_CTYPE'] ?? environment['LANG'] ?? '';
  return { colour: !noColour, unicode: /utf-?8/i.test(locale) };
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export function paint(style: Style, name: keyof typeof CODES, text: string): string {
  return style.colour ? `\u001b[${CODES[name]}m${text}\u001b[0m` : text;
}

/** Text from a job, a file or a path: control characters cannot move the cursor or change colours. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
