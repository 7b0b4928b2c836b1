/**
 * What an agent and its executors say to each other over the socket at fd 3: frames of a 32-bit little-endian length and
 * that many bytes of `v8.serialize`. Both ends are the same program on the same machine.
 */
import { deserialize, serialize } from 'node:v8';
import type { Assignment, TaskReport } from '../../shared/protocol.js';
import type { S3Counts } from '../../shared/store/s3/counters.js';
import type { JobPlace } from './io-requests.js';

export type ToExecutor =
  { readonly type: 'task'; readonly place: JobPlace; readonly assignment: Assignment } | { readonly type: 'cancel' };

/** What of it the user thread is told. */
export type ToUser = { readonly type: 'task'; readonly assignment: Assignment } | { readonly type: 'cancel' };

export type FromExecutor =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly records: number; readonly bytes: number; readonly share: number }
  /** What was asked of an S3 server since the last of these. */
  | { readonly type: 'asked'; readonly counts: S3Counts }
  | { readonly type: 'report'; readonly report: TaskReport };

/** Written to stdout and stderr when an attempt has ended: what came before belongs to it. */
export const END_OF_ATTEMPT = '\u0000gristmill end of attempt\n';

export function encodeMessage(message: ToExecutor | FromExecutor): Buffer {
  const body = serialize(message);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Feeds arbitrary pieces of the socket's stream, gives whole messages. */
export class MessageDecoder<Message> {
  private pending: Buffer = Buffer.alloc(0);

  *push(piece: Buffer): Generator<Message> {
    this.pending = this.pending.length === 0 ? piece : Buffer.concat([this.pending, piece]);
    while (this.pending.length >= 4) {
      const end = 4 + this.pending.readUInt32LE(0);
      if (this.pending.length < end) return;
      const message = deserialize(this.pending.subarray(4, end)) as Message;
      this.pending = this.pending.subarray(end);
      yield message;
    }
  }
}
