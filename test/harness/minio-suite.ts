/** Suites over a real MinIO: skipped where there is none, unless it is required. */
import { describe, inject } from 'vitest';
import type { S3Access } from '../../shared/store/s3/access.js';
import { hasMinio, isMinioRequired } from './minio.js';

/** The server of this test run. */
export async function sharedMinio(): Promise<S3Access> {
  const answer = await fetch(inject('minioRun'));
  if (!answer.ok) throw new Error(`MinIO did not start: ${await answer.text()}`);
  return (await answer.json()) as S3Access;
}

export function describeWithMinio(name: string, suite: () => void): void {
  describe.skipIf(!hasMinio && !isMinioRequired)(name, suite);
}
