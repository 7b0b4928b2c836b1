/**
 * The stage manifest as bytes: 16 hex digits, the xxh64 of what follows the newline, a newline, then JSON. The checksum is
 * verified before anything is decoded.
 */
import { GristmillError } from '../errors.js';
import type { StageManifest } from '../plan.js';
import { hex64, xxh64 } from './checksum.js';

const DIGEST_CHARACTERS = 16;
const NEWLINE = 10;

export function encodeStageManifest(manifest: StageManifest): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(manifest));
  const bytes = new Uint8Array(DIGEST_CHARACTERS + 1 + body.length);
  new TextEncoder().encodeInto(`${hex64(xxh64(body))}\n`, bytes);
  bytes.set(body, DIGEST_CHARACTERS + 1);
  return bytes;
}

export function parseStageManifest(bytes: Uint8Array): StageManifest {
  const body = bytes.subarray(DIGEST_CHARACTERS + 1);
  const digest = Buffer.from(bytes.subarray(0, DIGEST_CHARACTERS)).toString('latin1');
  if (bytes[DIGEST_CHARACTERS] !== NEWLINE || digest !== hex64(xxh64(body))) refuse('its checksum is wrong');
  const parsed = JSON.parse(Buffer.from(body).toString()) as { readonly version: unknown; readonly objects: unknown };
  if (parsed.version !== 1) refuse(`version ${String(parsed.version)} is not known`);
  if (!Array.isArray(parsed.objects)) refuse('it names no objects');
  return parsed as unknown as StageManifest;
}

function refuse(what: string): never {
  throw new GristmillError('manifest-invalid', `a stage manifest is not as it was written: ${what}`);
}
