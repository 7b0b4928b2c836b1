/**
 * Who may do what: the roles, and the file that gives them to tokens. A line of it is `role name sha256:<64 hex digits>`; empty
 * lines and those that begin with `#` say nothing. It holds hashes, so that whoever reads it can do nothing with it.
 */
import { createHash } from 'node:crypto';
import { word } from './config/types.js';
import { GristmillError } from './errors.js';
import { limits } from './limits.js';

/**
 * `read` sees jobs, their logs and the metrics; `submit` also submits and cancels; `worker` is for workers alone; `admin` may
 * do all of that.
 */
export const ROLES = ['read', 'submit', 'worker', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export interface Grant {
  readonly role: Role;
  /** Whose token it is: for logs and for the events of jobs. */
  readonly name: string;
  readonly sha256: Buffer;
}

/** The name of whoever has the coordinator's own token. */
export const OWNER = 'owner';

export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export function grantLine({ role, name, sha256 }: Grant): string {
  return `${role} ${name} sha256:${sha256.toString('hex')}`;
}

/** Throws `config-invalid` with the line. What stands in the place of a hash may be a token, and is not repeated. */
export function parseGrants(text: string, path: string): readonly Grant[] {
  const grants: Grant[] = [];
  const names = new Set<string>();
  const hashes = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const wrong = (what: string) => new GristmillError('config-invalid', `line ${index + 1} of ${path} ${what}`);
    const grant = parseGrant(line, wrong);
    const hash = grant.sha256.toString('hex');
    if (names.has(grant.name)) throw wrong(`names ${grant.name} a second time`);
    if (hashes.has(hash)) throw wrong(`has the token of an earlier line: each name has a token of its own`);
    names.add(grant.name);
    hashes.add(hash);
    grants.push(grant);
    if (grants.length > limits.accessGrantsMax) throw wrong(`is one too many: there may be ${limits.accessGrantsMax}`);
  }
  return grants;
}

function parseGrant(line: string, wrong: (what: string) => GristmillError): Grant {
  const [first = '', name = '', hash = '', ...rest] = line.trim().split(/\s+/);
  const role = ROLES.find((known) => known === first);
  if (role === undefined) throw wrong(`begins with no role: ${ROLES.join(', ')}`);
  if (word.fromText(name, '') === undefined) throw wrong(`has no name behind its role: ${word.wants}`);
  if (name === OWNER) throw wrong(`is named ${OWNER}, which is whoever has the coordinator's own token`);
  const digits = /^sha256:([0-9a-f]{64})$/.exec(hash)?.[1];
  if (digits === undefined || rest.length > 0) {
    throw wrong('does not end in sha256: and the 64 hex digits of a token, as gristmill token prints them');
  }
  return { role, name, sha256: Buffer.from(digits, 'hex') };
}
