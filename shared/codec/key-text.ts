/** A key in a message: as JSON where JSON has it, and never longer than a line. */
const CHARACTERS_MAX = 200;

export function keyText(key: unknown): string {
  const text = JSON.stringify(key, (_, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );
  return text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}...` : text;
}
