/**
 * The store port: everything durable goes through it. In a directory, on an S3 server and in memory; one contract suite.
 *
 * Keys are `/`-separated paths without a leading slash, `.` or `..` segments. Errors are GristmillErrors with the codes
 * `object-exists`, `object-not-found`, `object-changed` (while it was read), `staged-missing`, `publish-lost`,
 * `store-denied`, `store-unfit`, `disk-full`, `store-unavailable` (nothing happened) and `store-timeout` (the outcome is
 * unknown: it may land late).
 */

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface PutOptions extends CallOptions {
  /** Refuse with `object-exists` when the key is occupied; among concurrent writers exactly one wins. */
  readonly ifAbsent?: boolean;
  /** Survives power failure once the call returns. Default true; shuffle data does without. */
  readonly durable?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /**
   * The keys will be written again, so nothing of this call may be carried out later: where that is doubtful, it resolves when it is
   * so no more. Default false.
   */
  readonly forReuse?: boolean;
}

/** Bytes `[start, end)`; an end beyond the object is cut. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ReadOptions extends CallOptions {
  readonly range?: ByteRange;
}

export interface OpenOptions extends ReadOptions {
  /** Of the object that is meant: whatever else lies there, or comes to lie there, is refused with `object-changed`. */
  readonly etag?: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  /** Changes whenever the object's bytes do. */
  readonly etag: string;
}

/** Names a staged output: what `publish` makes visible, by whom and with which bytes. Plain data, kept in the journal. */
export interface Seal {
  /** Where the staged bytes are: a temporary file's key, or an upload's id. */
  readonly staged: string;
  readonly key: string;
  readonly bytes: number;
  readonly xxh64: bigint;
  readonly attempt: string;
}

/** An output in the making, invisible until it is published. */
export interface StagedWrite {
  /** Resolves when the bytes may be reused by the caller. Calls must not overlap. */
  write(bytes: Uint8Array): Promise<void>;
  /** All bytes are durable (unless the stage is not) and named. */
  seal(): Promise<Seal>;
  abort(): Promise<void>;
}

export interface StageOptions extends CallOptions {
  readonly durable?: boolean;
}

export interface DiscardOptions extends CallOptions {
  /** Also for keys in all folders below the prefix. */
  readonly deep?: boolean;
  /**
   * The same will be asked for again, when writes whose answers were lost have landed: what that call needs to find them
   * stays. Default false: nothing does.
   */
  readonly willRepeat?: boolean;
}

/** An object, or a range of it, whose bytes are read into memory of the caller's. */
export interface ObjectReader {
  /**
   * Fills the pieces, one after the other, with the bytes that come next; returns how many. Fewer than the pieces hold:
   * the object or range has ended. Calls must not overlap, and the pieces are the reader's until a call has settled.
   */
  read(pieces: readonly Uint8Array[]): Promise<number>;
  close(): Promise<void>;
}

export interface ObjectStore {
  /** The URI it was opened with. */
  readonly uri: string;
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** The whole object or range at once. */
  get(key: string, options?: ReadOptions): Promise<Uint8Array>;
  /** The object or range in pieces of at most 1 MiB, read as the consumer asks. A piece is valid until the next one. */
  stream(key: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /**
   * For stores that can read into a caller's memory without a copy; `openReader` does it with any store. What is no
   * object is refused by the first read at the latest.
   */
  open?(key: string, options?: OpenOptions): Promise<ObjectReader>;
  head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined>;
  /** Every object whose key begins with `prefix`, ascending by UTF-8 bytes of the key. Staged writes are not listed. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo>;
  /** Keys that do not exist are no error. */
  delete(keys: readonly string[], options?: DeleteOptions): Promise<void>;
  stage(key: string, attempt: string, options?: StageOptions): Promise<StagedWrite>;
  /**
   * Makes a sealed output visible under its key; idempotent. `staged-missing`: neither the staged bytes nor this
   * attempt's object exist, so the task must run again. `publish-lost`: the key holds somebody else's object.
   */
  publish(seal: Seal, options?: CallOptions): Promise<void>;
  /** Removes what a seal names, published or not yet; nothing there is no error. Another owner's object stays. */
  discard(seal: Seal, options?: CallOptions): Promise<void>;
  /** Removes every staged write for keys directly below `prefix`, a folder, sealed or not, by whomever. */
  discardStaged(prefix: string, options?: DiscardOptions): Promise<void>;
  /** For stores that are made ready by the coordinator whose they are, before it uses them. Returns warnings. */
  prepare?(options?: CallOptions): Promise<readonly string[]>;
  close(): Promise<void>;
}
