/**
 * The stage manifest: names the winning attempts of a finished stage.
 *
 * Version 1, JSON with a checksum of its own (`json-document.ts`).
 */
import type { StageManifest } from '../plan.js';
import { encodeDocument, parseDocument } from './json-document.js';

export function encodeStageManifest(manifest: StageManifest): Uint8Array {
  return encodeDocument(manifest);
}

/** Throws `manifest-invalid`. */
export function parseStageManifest(bytes: Uint8Array): StageManifest {
  const fields = parseDocument('the stage manifest', bytes);
  return {
    version: fields.exactly('version', 1),
    job: fields.job('job'),
    stage: fields.exactly('stage', 'map'),
    generation: fields.integer('generation'),
    objects: fields.list('objects', (object) => ({
      attempt: object.text('attempt'),
      key: object.text('key'),
      bytes: object.integer('bytes'),
      digest: object.digest('digest'),
    })),
  };
}
