/** A bucket of a test's own on a real MinIO, for clusters whose store and data lie there instead of in folders. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { S3Access } from '../../shared/store/s3/access.js';
import { S3Endpoint } from '../../shared/store/s3/endpoint.js';
import { S3Store } from '../../shared/store/s3/s3-store.js';
import { freshBucket } from './minio.js';
import { everythingInBucket } from './s3-contents.js';

export class Bucket {
  readonly access: S3Access;
  readonly name: string;
  readonly #endpoint: S3Endpoint;
  readonly #store: S3Store;

  private constructor(access: S3Access, name: string, direct: S3Access) {
    this.access = access;
    this.name = name;
    this.#endpoint = new S3Endpoint({ access: direct });
    this.#store = new S3Store({ uri: `s3://${name}`, access: direct, endpoint: this.#endpoint });
  }

  static async make(): Promise<Bucket> {
    const { sharedMinio } = await import('./minio-suite.js');
    return Bucket.on(await sharedMinio());
  }

  /** On a server that is not the run's, or is reached in another way; `direct` is the test's own way to it. */
  static async on(access: S3Access, direct: S3Access = access): Promise<Bucket> {
    return new Bucket(access, await freshBucket(direct), direct);
  }

  /** Where a coordinator has its store. */
  get storeUri(): string {
    return `s3://${this.name}/store`;
  }

  /** Where inputs and outputs are. */
  uri(name: string): string {
    return `s3://${this.name}/data/${name}`;
  }

  async put(name: string, text: string): Promise<void> {
    await this.#store.put(`data/${name}`, Buffer.from(text));
  }

  /** All bytes of all objects, by key. */
  async objects(prefix = ''): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    for await (const { key } of this.#store.list(prefix)) found.set(key, Buffer.from(await this.#store.get(key)));
    return found;
  }

  /** Brings what lies below `name` into a folder, in the place of what was there. */
  async mirror(name: string, folder: string): Promise<void> {
    rmSync(folder, { recursive: true, force: true });
    for (const [key, bytes] of await this.objects(`data/${name}/`)) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, key.slice(`data/${name}/`.length)), bytes);
    }
  }

  /** Shuffle objects, marks of staged outputs, and uploads that nobody will complete. */
  async leftovers(): Promise<readonly string[]> {
    const all = await everythingInBucket(this.#endpoint, `s3://${this.name}`);
    return all.filter((name) => /_staging|\/v1\/shuffle\/|\/v1\/probe\/|^uploading /.test(name));
  }

  /** Without what goes when jobs are swept once more: where an upload may begin late, its second mark waits for that. */
  async leftForGood(): Promise<readonly string[]> {
    return (await this.leftovers()).filter((name) => !/\/_staging\/.*-twin$/.test(name));
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }
}
