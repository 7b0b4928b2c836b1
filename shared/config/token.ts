/**
 * The token that lets workers and commands in. It is in a file, so that it is in no list of processes and no environment: by
 * default `token` in the coordinator's store, readable by its owner alone.
 */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GristmillError } from '../errors.js';
import { errno } from '../store/file-errors.js';
import { isS3Uri } from '../store/s3-uri.js';
import { baseUriOf, filePath, resolveUri } from '../store/uri.js';

export interface TokenPlace {
  readonly tokenFile: string | undefined;
  /** A path or `file:` URI, as it was given. */
  readonly store: string | undefined;
}

/** The token of a coordinator that is elsewhere; throws `config-invalid` when there is none to be found. */
export function readToken(place: TokenPlace): string {
  const path = tokenPath(place);
  if (path === undefined) {
    const hint = "--token-file FILE names the file that holds it; on the coordinator's machine --store URI is enough";
    throw new GristmillError('config-invalid', `the token of the coordinator is not known\nhint: ${hint}`);
  }
  return readFrom(path);
}

/** A coordinator's own token: the one it is given, the one of its predecessor on that store, or a new one. */
export function ensureToken(
  place: TokenPlace & { readonly store: string },
  random: (bytes: number) => Uint8Array,
): string {
  const path = tokenPath(place);
  if (path === undefined) throw noTokenFile(place.store);
  if (place.tokenFile === undefined) writeOnce(path, `${Buffer.from(random(32)).toString('base64url')}\n`);
  return readFrom(path);
}

/** Whoever may read a bucket may not therefore run code on the workers. */
function noTokenFile(store: string): GristmillError {
  const hint =
    '--token-file FILE, with one line that nobody can guess, on the coordinator and wherever workers and commands are: ' +
    '(umask 077; openssl rand -hex 32 > FILE)';
  return new GristmillError('config-invalid', `the store ${store} holds no token\nhint: ${hint}`);
}

function tokenPath({ tokenFile, store }: TokenPlace): string | undefined {
  if (tokenFile !== undefined || store === undefined || isS3Uri(store)) return tokenFile;
  return join(filePath(resolveUri(store, baseUriOf('/'))), 'token');
}

/** Whole or not at all, and never over another one: a coordinator that starts at the same time reads what won. */
function writeOnce(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    linkSync(draft, path);
  } catch (cause) {
    if (errno(cause) !== 'EEXIST') throw unusable(path, 'cannot be written', cause);
  } finally {
    rmSync(draft, { force: true });
  }
}

function readFrom(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw unusable(path, 'cannot be read', cause);
  }
  const token = text.trim();
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return token;
  throw new GristmillError(
    'config-invalid',
    `the token file ${path} does not hold one line of 1 to 1,000 ASCII characters`,
  );
}

function unusable(path: string, how: string, cause: unknown): GristmillError {
  const hint =
    errno(cause) === 'ENOENT' ? '\nhint: a coordinator writes it when it starts; --token-file names another file' : '';
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GristmillError('config-invalid', `the token file ${path} ${how}: ${reason}${hint}`, { cause });
}
