/** A bundle as it comes in: bounded, of the size and sha256 that its first message announced. */
import { createHash } from 'node:crypto';
import type { UploadBundleRequest__Output } from '../../proto/generated/gristmill/v1/UploadBundleRequest.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { numberOf } from '../../shared/wire/convert.js';
import { checkSha256 } from './job-convert.js';

export interface Bundle {
  readonly sha256: string;
  readonly code: Uint8Array;
}

export async function collectBundle(messages: AsyncIterable<UploadBundleRequest__Output>): Promise<Bundle> {
  let announced: { readonly sha256: string; readonly bytes: number } | undefined;
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const message of messages) {
    announced ??= { sha256: checkSha256(message.sha256), bytes: numberOf(message.bytes, 'bundle bytes') };
    chunks.push(message.chunk);
    received += message.chunk.length;
    if (announced.bytes > limits.bundleBytesMax || received > announced.bytes) {
      const size = Math.max(announced.bytes, received);
      throw new GristmillError(
        'invalid-request',
        `a bundle of ${size} bytes is refused: it is larger than announced or than ${limits.bundleBytesMax} bytes`,
      );
    }
  }
  if (!announced) throw new GristmillError('invalid-request', 'an upload without a bundle');
  const code = Buffer.concat(chunks);
  const sha256 = createHash('sha256').update(code).digest('hex');
  if (code.length !== announced.bytes || sha256 !== announced.sha256) {
    throw new GristmillError('bundle-corrupt', 'the bundle arrived otherwise than announced; upload it again', {
      context: { announced: announced.sha256, arrived: sha256 },
    });
  }
  return { sha256, code };
}
