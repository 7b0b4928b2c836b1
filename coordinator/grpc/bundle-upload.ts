/** A bundle as it comes in: bounded, of the size and sha256 that its first message announced. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { UploadBundleRequest__Output } from '../../proto/generated/gristmill/v1/UploadBundleRequest.js';
import type { Clock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { numberOf } from '../../shared/wire/convert.js';
import { checkSha256 } from './job-convert.js';

export interface Bundle {
  readonly sha256: string;
  readonly code: Uint8Array;
}

/** What all bundles that are on their way may hold together: each is in memory until it is stored. */
export class UploadRoom {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = limits.uploadsBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** Throws `over-capacity`; the returned function gives the room back. */
  take(bytes: number): () => void {
    if (this.#bytes + bytes > this.#bytesMax) {
      const hint = 'upload it again when others have arrived';
      throw new GristmillError('over-capacity', `too many bundles are being uploaded at a time\nhint: ${hint}`);
    }
    this.#bytes += bytes;
    return () => void (this.#bytes -= bytes);
  }
}

/** Whoever stops in the middle of an upload does not keep its room: a call ends itself no later than its client would end it. */
export function endLate(call: Pick<Readable, 'destroy'>, clock: Clock): () => void {
  return clock.after(limits.callDeadlineMs, () => {
    const message = `the bundle was not there after ${limits.callDeadlineMs / 1000} s; upload it again`;
    call.destroy(new GristmillError('unavailable', message));
  });
}

/** Hands a whole bundle to `use`. What is too large is refused with its first message; of what is refused nothing is kept. */
export async function collectBundle<T>(
  messages: AsyncIterable<UploadBundleRequest__Output>,
  room: UploadRoom,
  use: (bundle: Bundle) => Promise<T>,
): Promise<T> {
  let announced: Announced | undefined;
  let leave: () => void = () => undefined;
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    for await (const message of messages) {
      if (!announced) {
        announced = announcedIn(message);
        leave = room.take(announced.bytes);
      }
      received += message.chunk.length;
      if (received > announced.bytes) throw tooLarge(received, `it is larger than the ${announced.bytes} announced`);
      chunks.push(message.chunk);
    }
    return await use(whole(chunks, announced));
  } finally {
    leave();
  }
}

interface Announced {
  readonly sha256: string;
  readonly bytes: number;
}

function announcedIn(message: UploadBundleRequest__Output): Announced {
  const announced = { sha256: checkSha256(message.sha256), bytes: numberOf(message.bytes, 'bundle bytes') };
  if (announced.bytes <= limits.bundleBytesMax) return announced;
  throw tooLarge(announced.bytes, `a bundle has at most ${limits.bundleBytesMax}; data belongs into files or inputs`);
}

function tooLarge(bytes: number, reason: string): GristmillError {
  return new GristmillError('request-too-large', `a bundle of ${bytes} bytes is refused: ${reason}`);
}

function whole(chunks: readonly Uint8Array[], announced: Announced | undefined): Bundle {
  if (!announced) throw new GristmillError('invalid-request', 'an upload without a bundle');
  const code = Buffer.concat(chunks);
  const sha256 = createHash('sha256').update(code).digest('hex');
  if (code.length === announced.bytes && sha256 === announced.sha256) return { sha256, code };
  throw new GristmillError('bundle-corrupt', 'the bundle arrived otherwise than announced; upload it again', {
    context: { announced: announced.sha256, arrived: sha256 },
  });
}
