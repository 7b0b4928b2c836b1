/** Every call carries `authorization: Bearer <token>`. Compared in constant time, through hashes of equal length. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { GristmillError } from '../../shared/errors.js';

export class TokenGuard {
  readonly #expected: Buffer;

  constructor(token: string) {
    this.#expected = digest(`Bearer ${token}`);
  }

  /** Throws `unauthenticated`. */
  check(metadata: Metadata): void {
    const [given] = metadata.get('authorization');
    if (typeof given === 'string' && timingSafeEqual(digest(given), this.#expected)) return;
    throw new GristmillError('unauthenticated', 'the token is missing or wrong');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
