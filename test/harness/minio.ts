/**
 * A real MinIO server for tests: on loopback, with a folder of its own, gone when it is stopped. Suites that need one take
 * that of the whole test run (`sharedMinio`); those that stop or break it start their own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay, systemClock } from '../../shared/clock.js';
import type { S3Access } from '../../shared/store/s3/access.js';
import { S3Endpoint } from '../../shared/store/s3/endpoint.js';
import { freePort } from './ports.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/minio.sh', import.meta.url));
const READY_MS_MAX = 60_000;
const LOOK_MS = 20;

/** Where the server is, or would be: the pinned version stands in scripts/minio.sh alone. */
export function minioPath(): string {
  const version = /^version=(\S+)$/m.exec(readFileSync(SCRIPT, 'utf8'))?.[1] ?? '';
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return process.env['TEST_MINIO'] ?? join(cache, 'gristmill', `minio-${version}`, 'minio');
}

export const isMinioRequired = process.env['TEST_REQUIRE_MINIO'] === '1';
export const hasMinio = existsSync(minioPath());

export interface RunningMinio {
  readonly access: S3Access;
  readonly pid: number;
  /** Its memory, files and connections go away; its folder stays for `startAgain`. */
  kill(): Promise<void>;
  /** On the same address and folder. */
  startAgain(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface MinioOptions {
  /** Of the server's environment, beside its keys. */
  readonly settings?: Readonly<Record<string, string>>;
  /** To listen at; default loopback. */
  readonly host?: string;
  /** Runs it elsewhere, as on another host; the port is then the usual one. */
  readonly command?: (words: readonly string[]) => readonly string[];
}

const USUAL_PORT = 9000;

export async function startMinio(options: MinioOptions = {}): Promise<RunningMinio> {
  const { settings = {}, host = '127.0.0.1', command } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gristmill-minio-'));
  const port = command ? USUAL_PORT : await freePort(host);
  const secrets = { accessKey: `key${randomBytes(6).toString('hex')}`, secretKey: randomBytes(20).toString('hex') };
  const access: S3Access = { endpoint: `http://${host}:${port}`, region: 'us-east-1', ...secrets };
  const launch = async (): Promise<ChildProcess> => {
    const args = ['server', join(folder, 'data'), '--address', `${host}:${port}`, '--console-address', `${host}:0`];
    const words = [minioPath(), ...args, '--quiet', '--certs-dir', join(folder, 'certs')];
    const [program = '', ...rest] = command?.(words) ?? words;
    const server = spawn(program, rest, {
      stdio: 'ignore',
      env: {
        HOME: folder,
        PATH: process.env['PATH'] ?? '',
        MINIO_ROOT_USER: access.accessKey,
        MINIO_ROOT_PASSWORD: access.secretKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        MINIO_CI_CD: '1',
        ...settings,
      },
    });
    await ready(access.endpoint, server);
    return server;
  };
  let server = await launch().catch(async (thrown: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  });
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  return {
    access,
    get pid() {
      return server.pid ?? 0;
    },
    kill,
    startAgain: async () => {
      server = await launch();
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Looks until the server says that it is ready; fails when it ends, or takes for ever. */
async function ready(endpoint: string, server: ChildProcess): Promise<void> {
  const untilMs = systemClock.monotonic() + READY_MS_MAX;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`MinIO ended with ${server.exitCode} as it started`);
    const answer = await fetch(`${endpoint}/minio/health/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    if (systemClock.monotonic() > untilMs) {
      server.kill('SIGKILL');
      throw new Error(`MinIO was not ready after ${READY_MS_MAX / 1000} s`);
    }
    await delay(systemClock, LOOK_MS);
  }
}

/** A bucket that nobody else has. */
export async function freshBucket(access: S3Access): Promise<string> {
  const bucket = `test-${randomBytes(8).toString('hex')}`;
  const endpoint = new S3Endpoint({ access });
  const { reply } = await endpoint.ask({ operation: 'bucket', method: 'PUT', bucket, changes: true });
  await endpoint.close();
  if (reply.kind === 'refusal') throw new Error(`no bucket: ${reply.code}`);
  return bucket;
}
