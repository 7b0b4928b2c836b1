/** A new token: on the screen, or in a file that is made for it. */
import { writeFileSync } from 'node:fs';
import { grantLine, tokenDigest } from '../shared/access.js';
import { GristmillError } from '../shared/errors.js';
import type { TokenRequest } from './command/token.js';

/** What is to be printed. Throws `config-invalid` where the file is there already or cannot be made. */
export function makeToken({ role, name, to }: TokenRequest, random: (bytes: number) => Uint8Array): string {
  const token = Buffer.from(random(32)).toString('base64url');
  const line = `${grantLine({ role, name, sha256: tokenDigest(token) })}\n`;
  if (to === undefined) return `token: ${token}\nline of the access file: ${line}`;
  try {
    writeFileSync(to, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('config-invalid', `cannot write the token to ${to}: ${reason}`, { cause });
  }
  return line;
}
