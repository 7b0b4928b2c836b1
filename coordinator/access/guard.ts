/** Every call carries `authorization: Bearer <token>`: whose token it is, and whether its role is enough. */
import { timingSafeEqual } from 'node:crypto';
import { OWNER, tokenDigest, type Grant, type Role } from '../../shared/access.js';
import { GristmillError } from '../../shared/errors.js';
import { isEnough, neededFor } from './needed-role.js';

export interface Caller {
  readonly name: string;
  readonly role: Role;
}

/** Further tokens: who reads them from somewhere says when there are others. */
export interface Grants {
  readonly current: readonly Grant[];
  onChange(listener: () => void): void;
}

export const NO_GRANTS: Grants = { current: [], onChange: () => undefined };

export class AccessGuard {
  readonly #owner: Grant;
  readonly #grants: Grants;

  constructor(token: string, grants: Grants = NO_GRANTS) {
    this.#owner = { role: 'admin', name: OWNER, sha256: tokenDigest(token) };
    this.#grants = grants;
  }

  onChange(listener: () => void): void {
    this.#grants.onChange(listener);
  }

  /** Undefined for a call that anybody may make. Throws `unauthenticated` or `permission-denied`. */
  check(path: string, authorization: string | undefined): Caller | undefined {
    const needed = neededFor(path);
    if (needed === 'nothing') return undefined;
    const caller = this.#callerOf(authorization);
    if (!caller) throw new GristmillError('unauthenticated', 'the token is missing or wrong');
    if (needed === undefined) throw new GristmillError('permission-denied', `nobody may call ${path}`);
    if (isEnough(caller.role, needed)) return caller;
    throw new GristmillError(
      'permission-denied',
      `the token of ${caller.name} has the role ${caller.role}, and ${path} needs the role ${needed}`,
    );
  }

  /** Looks at all tokens, whichever it is: the time says nothing of them. */
  #callerOf(authorization: string | undefined): Caller | undefined {
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const digest = tokenDigest(token);
    let found: Caller | undefined;
    for (const { role, name, sha256 } of [this.#owner, ...this.#grants.current]) {
      if (timingSafeEqual(digest, sha256)) found ??= { role, name };
    }
    return found;
  }
}
