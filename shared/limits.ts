/** Every limit and default, each with its unit and its reason. There is no unlimited anything. */

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** A key's encoding. Longer keys make tables and sort prefixes useless; they are data, not keys. */
  keyBytesMax: 64 * KiB,
  /** A record, a value or a row: it must fit into memory several times over. */
  recordBytesMax: 16 * MiB,
  /** Target payload of a block: large enough that per-block costs vanish, small enough for the L2 cache. */
  blockBytesTarget: 256 * KiB,
  /** The largest frame a reader accepts: one record of the largest size and its columns. */
  frameBytesMax: 40 * MiB,
  /** Levels of nesting in a value. */
  valueDepthMax: 64,
  /** What one map or reduce attempt may hold in its arenas; over it the task fails with `memory-exceeded`. */
  kernelBytesMax: 512 * MiB,
  /** One buffer of an executor's ring. */
  ringBufferBytes: 256 * KiB,
  /** Buffers from the I/O thread to the user thread. */
  ringBuffersIn: 32,
  /** Buffers from the user thread to the I/O thread. */
  ringBuffersOut: 8,
  /** Ranged reads in flight per executor. */
  readsInFlightMax: 8,
  /** Bytes of input per map task: large enough to amortise a task, small enough to balance 2 cores over 50 MB. */
  splitBytesDefault: 16 * MiB,
  splitBytesMin: 1,
  splitBytesMax: 4096 * MiB,
  itemsPerSplitDefault: 1000,
  itemsPerSplitMax: 1_000_000,
  /** Items are shipped with the job; anything larger belongs into a file. */
  itemsBytesMax: 64 * MiB,
  /** Input bytes for each partition when the job does not say: keeps M x R small. */
  bytesPerPartitionDefault: 64 * MiB,
  partitionsMax: 10_000,
  partitionsDefaultMax: 64,
  mapTasksMax: 100_000,
  inputsMax: 1_000_000,
  /** A bundle is code; data goes into `files` or inputs. */
  bundleBytesMax: 32 * MiB,
  bundleChunkBytes: 1 * MiB,
  /** One gRPC message, both directions. */
  messageBytesMax: 4 * MiB,
  /** Reports, progress and assignments batched into one message. */
  batchItemsMax: 256,
  /** Attempts of a task that may fail for the task's own fault. */
  attemptsMax: 4,
  /** Waits between attempts of a task, doubled each time, with jitter. */
  attemptBackoffMs: 200,
  attemptBackoffMsMax: 10_000,
  /** Worker leases: three renewals lost make a suspect, ten make a death. */
  leaseRenewMs: 1_000,
  leaseSuspectMs: 3_000,
  leaseDeadMs: 10_000,
  /** Unary gRPC calls. */
  callDeadlineMs: 30_000,
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 5_000,
  reconnectMsMin: 50,
  reconnectMsMax: 2_000,
  /** Attempts in a row to take up a broken watch: about two minutes with the waits above. */
  watchRetriesMax: 60,
  /** A store call; the directory store answers in milliseconds, S3 in seconds when it is throttled. */
  storeCallMsMax: 60_000,
  storeRetriesMax: 5,
  storeBackoffMs: 50,
  /** Records appended to one journal slot. */
  journalBatchMax: 1_000,
  /** Job events kept for watchers; older ones are in the audit log. */
  eventsKeptMax: 10_000,
  /** Logs of user code, per attempt. */
  logBytesMax: 1 * MiB,
  progressMs: 250,
  /** Between cancelling an attempt and killing its process. */
  cancelGraceMs: 500,
  /** Private stores under `.gristmill/` that are kept. */
  privateJobsKept: 20,
  /** Executors of one worker. */
  slotsMax: 256,
  userCountersMax: 1_000,
  setupMsMax: 10 * 60_000,
} as const;

export const PROTOCOL_VERSION = 1;
