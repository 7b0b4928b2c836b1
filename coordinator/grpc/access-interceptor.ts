/**
 * Stands before every method of every service: no message of a call is read before its token has been looked at, and a call that is
 * open is ended when its token does not do any more.
 */
import { ServerInterceptingCall, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { OWNER } from '../../shared/access.js';
import { GristmillError } from '../../shared/errors.js';
import type { AccessGuard, Caller } from '../access/guard.js';
import { statusOf } from './status.js';

/** In the place of the token, which no method sees. What a client sends by this name is overwritten. */
const CALLER = 'gristmill-caller';

type Call = Parameters<ServerInterceptor>[1];

interface OpenCall {
  readonly path: string;
  readonly token: string | undefined;
}

export class AccessInterceptor {
  readonly #guard: AccessGuard;
  readonly #log: Pick<Logger, 'info'>;
  readonly #open = new Map<Call, OpenCall>();

  constructor(guard: AccessGuard, log: Pick<Logger, 'info'>) {
    this.#guard = guard;
    this.#log = log;
  }

  readonly intercept: ServerInterceptor = ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            const opened = { path, token: tokenOf(metadata) };
            const caller = this.#letIn(call, opened);
            if (caller === 'refused') return;
            this.#open.set(call, opened);
            metadata.remove('authorization');
            metadata.set(CALLER, caller?.name ?? '');
            pass(metadata);
          },
          onCancel: () => void this.#open.delete(call),
        });
      },
      sendStatus: (status, next) => {
        this.#open.delete(call);
        next(status);
      },
    });

  /** Tokens have been taken out, or have other roles. */
  lookAgain(): void {
    for (const [call, opened] of [...this.#open]) {
      if (this.#letIn(call, opened) === 'refused') this.#open.delete(call);
    }
  }

  #letIn(call: Call, { path, token }: OpenCall): Caller | undefined | 'refused' {
    try {
      return this.#guard.check(path, token);
    } catch (thrown) {
      const { code, message } = GristmillError.from(thrown);
      const from = call.getConnectionInfo().remoteAddress;
      this.#log.info({ path, from, code, reason: message }, 'a call was refused');
      call.sendStatus(statusOf(thrown));
      return 'refused';
    }
  }
}

/** Whose token came with the call. */
export function callerOf(metadata: Metadata): string {
  const [name] = metadata.get(CALLER);
  return typeof name === 'string' && name !== '' ? name : OWNER;
}

/** A call with several tokens has none. */
function tokenOf(metadata: Metadata): string | undefined {
  const given = metadata.get('authorization');
  return given.length === 1 && typeof given[0] === 'string' ? given[0] : undefined;
}
