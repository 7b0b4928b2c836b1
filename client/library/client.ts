/**
 * A program's way to a coordinator: jobs are submitted, watched, awaited, cancelled and read. Every call that finds no answer
 * is sent again, for a while: what it asks is the same however often it arrives.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/clock.js';
import { refuseUnencrypted } from '../../shared/config/network.js';
import { clientTls } from '../../shared/config/tls.js';
import { readToken } from '../../shared/config/token.js';
import { parseJobId } from '../../shared/ids.js';
import type { S3Access } from '../../shared/store/s3/access.js';
import { Stores } from '../../shared/store/stores.js';
import { baseUriOf } from '../../shared/store/uri.js';
import type { Bundle } from '../bundle/bundle.js';
import { JobClient } from '../job-client.js';
import type { Job } from '../job-types.js';
import { called } from './calls.js';
import { typed } from './errors.js';
import { JobHandle, SubmittedJob, type Lent } from './job-handle.js';

export interface ClientOptions {
  /** `host:port`. */
  readonly coordinator: string;
  /** The token, or the file that holds it: one of both. */
  readonly token?: string;
  readonly tokenFile?: string;
  /** TLS, with the authorities that Node knows. */
  readonly tls?: boolean;
  /** TLS, with this authority alone: a PEM file. */
  readonly tlsCa?: string;
  /** Lets a coordinator on another machine be used without encryption. */
  readonly insecure?: boolean;
  /** For results in buckets. */
  readonly s3?: S3Access;
}

export interface SubmitOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  /** Instead of the definition's. */
  readonly inputs?: readonly string[];
  readonly output?: string;
  /** Replaces the result of an earlier run of Gristmill. */
  readonly overwrite?: boolean;
  /** Only the first so many records. */
  readonly limit?: number;
  /** Share of slots among other jobs, 1 to 100. */
  readonly weight?: number;
  /** Where relative paths start; the current directory when it is not given. */
  readonly directory?: string;
  /** Submissions with one id are one job: a program that is started again names the one that it has kept. */
  readonly requestId?: string;
}

export class Client {
  readonly #jobs: JobClient;
  readonly #stores: Stores;
  readonly #closed = new AbortController();
  readonly #lent: Lent;

  constructor({ coordinator, token, tokenFile, tls = false, tlsCa, insecure = false, s3 }: ClientOptions) {
    try {
      const channel = clientTls({ tls, tlsCa }, systemClock, () => undefined);
      const protection = { isEncrypted: channel !== undefined, insecure, by: '`tlsCa`, or `tls`, encrypts it' };
      refuseUnencrypted(coordinator, 'coordinator', protection);
      const shown = token ?? readToken({ tokenFile, store: undefined });
      const { signal } = this.#closed;
      this.#jobs = new JobClient({ address: coordinator, token: shown, tls: channel, persistence: signal });
      this.#stores = new Stores({ s3 });
      this.#lent = { jobs: this.#jobs, locator: this.#stores, closed: signal };
    } catch (thrown) {
      throw typed(thrown);
    }
  }

  /** The job is durable when this resolves. `job`: the file of a definition, or what `bundle` made of one. */
  submit(job: string | URL | Bundle, options: SubmitOptions = {}): Promise<SubmittedJob> {
    return called(async () => {
      const { code, sha256, entry } = await bundled(job);
      const { directory = process.cwd(), limit, requestId = randomBytes(16).toString('hex'), ...rest } = options;
      await this.#jobs.uploadBundle(code, sha256);
      const submitted = await this.#jobs.submit({
        ...rest,
        requestId,
        name: entry.replace(/\.[^.]*$/, ''),
        codeVersion: sha256,
        baseUri: baseUriOf(directory),
        limitRecords: limit,
      });
      return new SubmittedJob(submitted.job, submitted.existed, this.#lent);
    });
  }

  /** A job by its id, whoever submitted it. Nothing is asked yet. */
  job(id: string): JobHandle {
    return new JobHandle(parseJobId(id), this.#lent);
  }

  /** The newest first. */
  list(limit?: number): Promise<readonly Job[]> {
    return called(() => this.#jobs.list(limit));
  }

  /** Ends what is still going on here with `Aborted`; jobs are left alone. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#jobs.close();
    await this.#stores.close();
  }
}

async function bundled(job: string | URL | Bundle): Promise<Bundle> {
  if (typeof job !== 'string' && !(job instanceof URL)) return job;
  const { bundleJob } = await import('../bundle/bundle.js');
  return bundleJob(typeof job === 'string' ? job : fileURLToPath(job));
}
