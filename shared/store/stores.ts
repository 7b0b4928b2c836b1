/**
 * From URIs to stores. A composition root makes one `Stores`, with the access to S3 that its process has, hands it down and
 * closes it at the end; whoever gets it opens what it needs and closes nothing.
 */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { GristmillError } from '../errors.js';
import { DirectoryStore } from './directory-store.js';
import type { ObjectStore } from './object-store.js';
import { isS3Uri, parseS3Uri, s3Uri } from './s3-uri.js';
import type { S3Access } from './s3/access.js';
import { S3Endpoint } from './s3/endpoint.js';
import { S3Store } from './s3/s3-store.js';
import { filePath, resolveUri } from './uri.js';

export interface Location {
  readonly store: ObjectStore;
  readonly key: string;
}

/** What finds the object of an input or output. */
export interface Locator {
  /**
   * The store and key of an absolute URI. For a `file:` URI that is the file system itself, in which folders that were there
   * before stay, even when a deletion empties them; for an `s3:` URI its bucket. A final slash is not part of the key.
   */
  locate(uri: string): Location;
}

/** What a process has besides the URI to open a store: plain data, and secret. */
export interface StoreAccess {
  readonly s3?: S3Access | undefined;
  /** Why there is no access to S3, where that is not just that nobody gave any. */
  readonly s3Refusal?: string | undefined;
}

export interface StoresOptions extends StoreAccess {
  /** In the place of S3, for tests. */
  readonly openS3?: (uri: string, access: S3Access) => ObjectStore;
}

export class Stores implements Locator {
  readonly #options: StoresOptions;
  readonly #opened = new Set<ObjectStore>();
  readonly #buckets = new Map<string, ObjectStore>();
  #fileSystem: ObjectStore | undefined;
  /** One for all buckets: its connections, its limits and what it has learnt of the server. */
  #endpoint: S3Endpoint | undefined;

  constructor(options: StoresOptions = {}) {
    this.#options = options;
  }

  /** For executors of this process, which reach the same objects. */
  get access(): StoreAccess {
    const { s3, s3Refusal } = this.#options;
    return { s3, s3Refusal };
  }

  /** The S3 server, when something was opened there: it counts what is asked of it. */
  get s3Endpoint(): S3Endpoint | undefined {
    return this.#endpoint;
  }

  /** A coordinator's store: a path, relative to the working directory, a `file:` URI, or `s3://bucket/prefix`. */
  open(uri: string): ObjectStore {
    if (isS3Uri(uri)) return this.#keep(this.#openS3(s3Uri(parseS3Uri(uri))));
    const isPath = !/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri) && uri !== '';
    return this.#keep(new DirectoryStore(isPath ? resolve(uri) : filePath(resolveUri(uri, 'file:///'))));
  }

  locate(uri: string): Location {
    if (isS3Uri(uri)) {
      const { bucket, key } = parseS3Uri(uri);
      return { store: this.#bucket(bucket), key };
    }
    const path = filePath(uri);
    this.#fileSystem ??= this.#keep(new DirectoryStore('/', { prune: 'own' }));
    return { store: this.#fileSystem, key: path.replace(/^\/+|\/+$/g, '') };
  }

  /** Closes all that was opened. */
  async close(): Promise<void> {
    const opened = [...this.#opened];
    this.#opened.clear();
    this.#buckets.clear();
    this.#fileSystem = undefined;
    await Promise.all(opened.map((store) => store.close()));
    await this.#endpoint?.close();
    this.#endpoint = undefined;
  }

  #bucket(bucket: string): ObjectStore {
    const known = this.#buckets.get(bucket);
    if (known) return known;
    const store = this.#keep(this.#openS3(`s3://${bucket}`));
    this.#buckets.set(bucket, store);
    return store;
  }

  #openS3(uri: string): ObjectStore {
    const { s3, s3Refusal, openS3 } = this.#options;
    if (s3Refusal !== undefined) throw new GristmillError('config-invalid', `cannot use ${uri}: ${s3Refusal}`);
    if (s3 === undefined) throw noCredentials(uri);
    if (openS3) return openS3(uri, s3);
    this.#endpoint ??= new S3Endpoint({ access: s3 });
    return new S3Store({ uri, access: s3, endpoint: this.#endpoint });
  }

  #keep(store: ObjectStore): ObjectStore {
    this.#opened.add(store);
    return store;
  }
}

function noCredentials(uri: string): GristmillError {
  const remedy =
    'give --s3-access-key-file FILE and --s3-secret-key-file FILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to the ' +
    'coordinator, to every worker, and to a run of your own';
  return new GristmillError(
    'credentials-missing',
    `cannot use ${uri}: there are no S3 credentials on ${hostname()} for this process\nhint: ${remedy}`,
    { where: uri },
  );
}
