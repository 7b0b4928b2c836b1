/**
 * One MinIO for a whole test run, started when the first suite asks for it: this runs beside the test files, which ask over
 * loopback. It is also where a missing server is told, once.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { hasMinio, isMinioRequired, minioPath, startMinio, type RunningMinio } from './minio.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the access to the run's server. */
    readonly minioRun: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!hasMinio && !isMinioRequired) {
    console.warn(`no MinIO at ${minioPath()}: suites over S3 are skipped; scripts/minio.sh build makes it`);
  }
  let running: Promise<RunningMinio> | undefined;
  const server = createServer((_, response) => {
    running ??= startMinio();
    running.then(
      ({ access }) => response.end(JSON.stringify(access)),
      (thrown: unknown) => response.writeHead(500).end(String(thrown)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('minioRun', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return async () => {
    server.close();
    server.closeAllConnections();
    await (await running?.catch(() => undefined))?.stop();
  };
}
