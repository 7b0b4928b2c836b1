/**
 * The objects that an `s3:` URI names, by the rules of files: a key that exists is taken as it is, even when it has glob
 * characters; a folder, which is no object but the beginning of keys, stands for the objects directly in it. A glob lists
 * what begins like it does up to its first wildcard. Size and ETag come from the listing, and nothing is listed later.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { checkKey } from '../store/key.js';
import type { ObjectInfo, ObjectStore } from '../store/object-store.js';
import { parseS3Uri, s3Uri, type S3Place } from '../store/s3-uri.js';
import type { Locator } from '../store/stores.js';
import { alternatives, hiddenHint, isGlob, isHidden, literalPrefix, segmentsOf, type Segment } from './glob-pattern.js';

export interface FoundObject {
  readonly uri: string;
  readonly info: ObjectInfo;
}

/** `uri` is as it was given, `resolved` absolute; throws `input-not-found` where nothing is. */
export async function objectsOf(uri: string, resolved: string, stores: Locator): Promise<FoundObject[]> {
  const { store } = stores.locate(resolved);
  const place = parseS3Uri(resolved);
  const found = await new Search(uri, resolved, store, place).objects();
  return found.map((info) => ({ uri: s3Uri({ bucket: place.bucket, key: info.key }), info }));
}

class Search {
  readonly #given: string;
  readonly #resolved: string;
  readonly #store: ObjectStore;
  readonly #place: S3Place;

  constructor(given: string, resolved: string, store: ObjectStore, place: S3Place) {
    this.#given = given;
    this.#resolved = resolved;
    this.#store = store;
    this.#place = place;
  }

  async objects(): Promise<readonly ObjectInfo[]> {
    const { key } = this.#place;
    const itself = key === '' || this.#resolved.endsWith('/') ? undefined : await this.#store.head(key);
    if (itself) return [itself];
    const path = this.#resolved.replace(/^s3:\/\/[^/]*\/?/, '');
    return isGlob(path) ? this.#matching(path) : this.#directlyIn(key === '' ? '' : `${key}/`);
  }

  async #directlyIn(folder: string): Promise<readonly ObjectInfo[]> {
    let isDeeper = false;
    const found: ObjectInfo[] = [];
    for await (const info of this.#list(folder)) {
      const name = info.key.slice(folder.length);
      isDeeper ||= name.includes('/');
      if (name !== '' && !name.includes('/') && !isHidden(name)) found.push(info);
    }
    if (found.length > 0) return found;
    if (!isDeeper) throw this.#notFound([folder], '');
    const below = `${this.#given.replace(/\/$/, '')}/**/*`;
    throw this.#notFound([folder], `; objects in folders below it are read with ${below}`);
  }

  /** One listing for all alternatives that begin alike. */
  async #matching(path: string): Promise<readonly ObjectInfo[]> {
    const byPrefix = new Map<string, (readonly Segment[])[]>();
    for (const alternative of alternatives(path)) {
      const segments = segmentsOf(alternative);
      const prefix = literalPrefix(alternative);
      byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), segments]);
    }
    const found = new Map<string, ObjectInfo>();
    for (const [prefix, patterns] of byPrefix) {
      for await (const info of this.#list(prefix)) {
        const names = info.key.split('/');
        if (!patterns.some((segments) => matches(segments, names))) continue;
        found.set(info.key, this.#readable(info));
      }
    }
    if (found.size === 0) throw this.#notFound([...byPrefix.keys()], hiddenHint(path));
    return [...found.values()];
  }

  /** Without the empty objects whose keys end in a slash: consoles make them to show a folder. */
  async *#list(prefix: string): AsyncGenerator<ObjectInfo> {
    let listed = 0;
    for await (const info of this.#store.list(prefix)) {
      listed += 1;
      if (listed > limits.inputsListedMax) {
        const where = s3Uri({ ...this.#place, key: prefix });
        const reason = `more than ${limits.inputsListedMax} objects begin with ${where}`;
        throw new GristmillError('invalid-request', `input ${this.#given}: ${reason}; name a folder further down`);
      }
      if (!info.key.endsWith('/')) yield info;
    }
  }

  #readable(info: ObjectInfo): ObjectInfo {
    try {
      checkKey(info.key);
      return info;
    } catch (cause) {
      const where = s3Uri({ ...this.#place, key: info.key });
      const message = `cannot read ${where}: a name in its key is empty, . or ..; copy it to another key`;
      throw new GristmillError('input-unreadable', message, { cause, where });
    }
  }

  #notFound(prefixes: readonly string[], hint: string): GristmillError {
    const { bucket } = this.#place;
    const shown = prefixes.slice(0, 3).map((key) => s3Uri({ bucket, key }));
    const more = prefixes.length > 3 ? `, and ${prefixes.length - 3} more` : '';
    const message = `input ${this.#given} matches no object: looked below ${shown.join(', ')}${more}${hint}`;
    return new GristmillError('input-not-found', message, { where: this.#resolved });
  }
}

/** True when the names of a key are what the segments of a pattern say. */
function matches(segments: readonly Segment[], names: readonly string[]): boolean {
  /** Where it was tried already: several `**` would try the same again and again. */
  const seen = new Set<number>();
  const from = (index: number, at: number): boolean => {
    const segment = segments[index];
    const name = names[at];
    if (segment === undefined || name === undefined) return segment === undefined && name === undefined;
    const visit = index * (names.length + 1) + at;
    if (seen.has(visit)) return false;
    seen.add(visit);
    switch (segment.kind) {
      case 'name':
        return segment.name === name && from(index + 1, at + 1);
      case 'wildcard':
        return !isHidden(name) && segment.pattern.test(name) && from(index + 1, at + 1);
      case 'folders':
        if (index === segments.length - 1 && at === names.length - 1) return !isHidden(name);
        return from(index + 1, at) || (!isHidden(name) && from(index, at + 1));
    }
  };
  return from(0, 0);
}
