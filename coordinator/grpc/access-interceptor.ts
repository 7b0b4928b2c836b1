/** Stands before every method of every service: no message of a call is read before its token has been looked at. */
import type { Metadata } from '@grpc/grpc-js';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { OWNER } from '../../shared/access.js';
import { GristmillError } from '../../shared/errors.js';
import type { AccessGuard, Caller } from '../access/guard.js';
import { statusOf } from './status.js';

/** In the place of the token, which no method sees. What a client sends by this name is overwritten. */
const CALLER = 'gristmill-caller';

export function accessInterceptor(guard: AccessGuard, log: Pick<Logger, 'info'>): ServerInterceptor {
  return ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, pass) {
            let caller: Caller | undefined;
            try {
              caller = guard.check(path, tokenOf(metadata));
            } catch (thrown) {
              const { code, message } = GristmillError.from(thrown);
              log.info(
                { path, from: call.getConnectionInfo().remoteAddress, code, reason: message },
                'a call was refused',
              );
              call.sendStatus(statusOf(thrown));
              return;
            }
            metadata.remove('authorization');
            metadata.set(CALLER, caller?.name ?? '');
            pass(metadata);
          },
        });
      },
    });
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
