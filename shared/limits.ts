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
  /** What one task's kernel may hold when the job has no `memory`: so many executors fit beside their heaps on a small machine. */
  kernelBytesMax: 256 * MiB,
  /** The least that `memory` may be: tables, blocks and buffers of a merge need room to work in. */
  memoryBytesMin: 16 * MiB,
  /** The most that `memory` may be: a kernel addresses 4 GiB less a page, of which its own areas take a little. */
  memoryBytesMax: 3072 * MiB,
  /** Emits of one record that can be taken back when it fails: more than that are taken as they come. */
  emitBatchBytesMax: 16 * MiB,
  /**
   * What a merge may take beyond its budget when the blocks at hand hold records far above the average: how many sources are
   * open is chosen by the average, since no index knows the largest.
   */
  mergeOverdraftBytesMax: 128 * MiB,
  /** For emits that no kernel takes, at least: enough that they are set aside in runs worth reading. */
  otherEmitsBytesMin: 4 * MiB,
  /** One buffer of an executor's ring: half a block, so that many sources can be open at a time. */
  ringBufferBytes: 128 * KiB,
  /** Buffers from the I/O thread to the user thread: one for each source that may be open, the rest is read-ahead. */
  ringBuffersIn: 160,
  /** Sources that a merge has open at a time; more are merged in passes. Leaves buffers for read-ahead. */
  mergeSourcesMax: 96,
  /** Sources that are open beside those of a merge: a call, or the input of a map. */
  sourcesBesideMax: 8,
  /** One buffer from the user thread to the I/O thread: a write and a message for each, which cost a fifth at 128 KiB. */
  ringBufferOutBytes: 1 * MiB,
  /** Buffers from the user thread to the I/O thread: one fills while others are written, and a slow write holds up none. */
  ringBuffersOut: 8,
  /** One read of the I/O thread, into several buffers of the ring: larger ones do not go faster. */
  readBytesMax: 1 * MiB,
  /** Read beyond a split's end together with its last bytes, at least: most last records end there. */
  splitRestBytes: 4 * KiB,
  /** Bytes of input per map task, at least: large enough to amortise a task, small enough to balance 2 cores over 50 MB. */
  splitBytesDefaultMin: 16 * MiB,
  /** And at most: a table of words is filled, sorted and written once in four times as much text. */
  splitBytesDefaultMax: 64 * MiB,
  /** Between those, splits are as large as makes so many map tasks: enough to balance a few cores. */
  mapTasksDefault: 16,
  /** A split may be as small as a byte: a record belongs to the split in which it begins, so one may have none. */
  splitBytesMin: 1,
  /** Larger splits are neither balanced over workers nor cheap to run again. */
  splitBytesMax: 4096 * MiB,
  /** Items of `read.items` per map task. */
  itemsPerSplitDefault: 1000,
  /** More items than this per task gain nothing. */
  itemsPerSplitMax: 1_000_000,
  /** Items are shipped with the job; anything larger belongs into a file. */
  itemsBytesMax: 64 * MiB,
  /** Input bytes for each partition when the job does not say: keeps M x R small. */
  bytesPerPartitionDefault: 64 * MiB,
  /** Every map task writes a part for every partition: M x R small reads are the cost law of a shuffle. */
  partitionsMax: 10_000,
  /** Partitions chosen without being asked for. */
  partitionsDefaultMax: 64,
  /** Tasks of a stage; each costs the coordinator a few bytes and a message. */
  mapTasksMax: 100_000,
  /** Objects that the inputs of a job may match. */
  inputsMax: 1_000_000,
  /** Keys that are listed for one input's pattern: a minute or so of listing, and a sign that the pattern begins too early. */
  inputsListedMax: 2_000_000,
  /** Of a CSV file: its columns' names are in the plan, so they are names and no data. */
  headerBytesMax: 1 * MiB,
  /** The different headers of a job's files together: they are in the plan, which every executor reads. */
  headersBytesMax: 16 * MiB,
  /** Columns of a CSV file: a record is one object in memory, and wider tables are lists. */
  columnsMax: 10_000,
  /** A bundle is code; data goes into `files` or inputs. */
  bundleBytesMax: 32 * MiB,
  /** One message of an upload. */
  bundleChunkBytes: 1 * MiB,
  /** One gRPC message, both directions. */
  messageBytesMax: 4 * MiB,
  /** Reports, progress and assignments batched into one message. */
  batchItemsMax: 256,
  /** Attempts of a task that may fail for the task's own fault. */
  attemptsMax: 4,
  /** Reads of the same bytes of a shuffle object before it counts as lost: the first may have met a passing fault. */
  shuffleReadsMax: 2,
  /** A shuffle object up to this size is held in memory and is one request; a larger one is streamed. */
  wholePutBytesMax: 4 * MiB,
  /** Read from the end of a shuffle object at once: most have their whole index there. */
  footerReadBytes: 64 * KiB,
  /** With fewer shuffle objects a partition costs few requests, and is read alone. */
  neighbourObjectsMin: 32,
  /** What a read of neighbouring partitions should bring, on average: a request costs a store about as much as so many bytes. */
  neighbourReadBytes: 256 * KiB,
  /** The largest read of neighbouring partitions; whatever is larger is read partition by partition. */
  neighbourReadBytesMax: 1 * MiB,
  /** Partitions that are read together, at the most: all of them wait until the first has read them. */
  neighboursMax: 16,
  /** Groups of neighbouring partitions for each slot, at least: else the last of them hold up the stage. */
  neighbourGroupsPerSlot: 4,
  /** Reads of shuffle objects that an executor has in flight when it fetches for several partitions, or indexes. */
  fetchesMax: 16,
  /** Times that a map task runs again because its shuffle object cannot be read: more is a store that keeps nothing. */
  mapRerunsMax: 2,
  /** Waits between attempts of a task, doubled each time, with jitter. */
  attemptBackoffMs: 200,
  /** The longest of those waits. */
  attemptBackoffMsMax: 10_000,
  /** Faults of machines that one task may meet in a row: then it is what kills them. */
  machineFaultsInARowMax: 10,
  /** Slots of one worker that a task has after its executor ran out of memory, and so many times the heap: once, for more is for the job to mend. */
  outgrownSlots: 2,
  /** A slot is held so long for such a task while the worker's others are busy; then another worker's may be held in its place. */
  slotHoldMs: 60_000,
  /** A retry waits so long beyond its time for a worker on which its task has not failed; then any will do. */
  retryElsewhereMs: 5_000,
  /** So many tasks that failed on one worker and on no other exclude it for their job. */
  exclusionTasks: 2,
  /** Its share of failures must also be so many times that of the other workers: a job that fails everywhere blames nobody. */
  exclusionRatio: 2,
  /** How long it is given nothing of that job after its last failure, the first time; twice as long each time it fails again on probation. */
  exclusionJobCooldownMs: 60_000,
  /** A worker that was excluded for so many jobs is excluded for all. */
  exclusionJobs: 3,
  /** How long it is then given nothing, the first time; twice as long each time it fails again on probation. */
  exclusionCooldownMs: 5 * 60_000,
  /** The longest of those times, and how long what is held against a worker is remembered. */
  exclusionCooldownMsMax: 60 * 60_000,
  /** Backup attempts that run at a time, as a share of all slots; one is always allowed. */
  backupSlotsShare: 0.1,
  /** An attempt is slow when what it has left takes so many times the median of its stage. */
  backupMedians: 1.5,
  /** And when it has run for so many medians while its progress says nothing. */
  backupSilentMedians: 3,
  /** Nothing that has run for less gets a backup: a shorter task is sooner done than moved. */
  backupAfterMsMin: 1_000,
  /** While no task of the stage has ended, so long without progress is slow. */
  backupSilentMs: 60_000,
  /** Looks for slow attempts are at least so far apart, which is as often as progress is told ... */
  backupLookMsMin: 250,
  /** ... and at most so far while a slot is free: an estimate may change with each message. */
  backupLookMsMax: 1_000,
  /** Ended attempts of a stage whose median is its pace: the last ones, since machines come and go. */
  paceSamples: 128,
  /** The weight of a job among others. */
  jobWeightMax: 100,
  /** A reason to wait is told to watchers once it has lasted so long: what passes at once is no news. */
  waitNoticeMs: 5_000,
  /** Worker leases: three renewals lost make a suspect, ten make a death. */
  leaseRenewMs: 1_000,
  /** A worker that has not renewed for so long gets no new tasks. */
  leaseSuspectMs: 3_000,
  /** A worker that has not renewed for so long is dead: its running tasks go elsewhere. */
  leaseDeadMs: 10_000,
  /** A new leader waits at most so long for workers of its predecessor: longer than they wait before they connect again. */
  recoveryMs: 3_000,
  /** A leader lists its workers so soon after one has come or gone: those of a fleet that starts are listed together. */
  sessionListMs: 250,
  /** After a list could not be written it is tried again so much later: without it a successor only waits longer. */
  sessionListRetryMs: 2_000,
  /** Effects of one job at a time: publishing is a few store calls, and more of them make no disk or bucket faster. */
  effectsInFlightMax: 8,
  /** Parts that are listed as the next to be published: enough for those in flight and for some that fail. */
  publishesListedMax: 64,
  /** The shortest lease that may be chosen: a pause of a loaded machine is not a death. */
  leaseMsMin: 500,
  /** The longest: tasks of a dead worker wait for so long. */
  leaseMsMax: 10 * 60_000,
  /** A worker that is told to stop lets its tasks run on for so long: less than the half minute that service managers give. */
  drainMsDefault: 20_000,
  /** The longest that may be chosen for that. */
  drainMsMax: 60 * 60_000,
  /** A worker that stops waits so long for the coordinator to say that nothing more is on its way. */
  drainAnswerMsMax: 10_000,
  /** A worker that stops waits so long for the coordinator to acknowledge its last reports. */
  lastReportsMsMax: 2_000,
  /** The least memory that a worker may be told to count on: one executor must start. */
  workerMemoryBytesMin: 512 * MiB,
  /** A slot that is bound to a job has a spare executor so much later: the job's first tasks need the processors more ... */
  spareAfterMs: 1_000,
  /** ... and up to so much later still, by lot: workers that share a machine do not all start theirs at once. */
  spareSpreadMs: 8_000,
  /** Between two looks at certificates and the access file: a token that was taken out is refused so much later at the latest. */
  reloadMs: 2_000,
  /** A certificate, a key or an access file: whatever is larger is something else, and is not read. */
  credentialFileBytesMax: 1 * MiB,
  /** Tokens in an access file: each call is compared with all of them, in a fraction of a millisecond. */
  accessGrantsMax: 1_000,
  /** Calls of one connection that are open at a time, its streams among them; further ones wait at their client. */
  callsPerConnectionMax: 1_000,
  /** Jobs that have not ended: each costs every decision a look. More come in when some have ended. */
  jobsOpenMax: 1_000,
  /** What the submissions of those hold together: parameters and lists of inputs, in memory and in every snapshot. */
  jobsOpenBytesMax: 64 * MiB,
  /** Bundles that are being uploaded, by what they announced: they are held in memory until they are whole. */
  uploadsBytesMax: 128 * MiB,
  /** Unary gRPC calls. */
  callDeadlineMs: 30_000,
  /** Between two pings of an idle connection. */
  keepaliveMs: 10_000,
  /** A ping without an answer for so long ends the connection. */
  keepaliveTimeoutMs: 5_000,
  /** The first wait before a worker connects again: a restarted coordinator is found at once. */
  reconnectMsMin: 50,
  /** The longest wait before a worker connects again: a slot is idle so long after its coordinator is back. */
  reconnectMsMax: 500,
  /** A worker that starts waits so long for a coordinator that does not answer: one that is starting too is found. */
  firstContactMs: 10_000,
  /** The longest that may be chosen for that. */
  firstContactMsMax: 60 * 60_000,
  /** Attempts in a row to send what found no answer, or to take up a broken watch: about half a minute with the waits above. */
  watchRetriesMax: 60,
  /** Repetitions of a store call that may succeed later. */
  storeRetriesMax: 5,
  /** The wait before the first of those, doubled each time, with jitter. */
  storeBackoffMs: 50,
  /** Requests of one process to an S3 server that run at a time; more make none of them faster. */
  s3RequestsMax: 32,
  /** A request over which no byte moves for so long has failed; a server that is busy answers sooner. */
  s3SilenceMs: 15_000,
  /** The longest that one request may take: its bytes are bounded, so a slower store is of no use. */
  s3RequestMsMax: 5 * 60_000,
  /** A call waits so long for a server that is away before it fails: a restart of the server passes unnoticed. */
  s3PatienceMs: 20_000,
  /** A coordinator that starts waits so long: a wrong address is told while somebody looks. */
  s3FirstContactMs: 5_000,
  /** A coordinator that starts before its store asks again after so long. */
  storeContactMs: 1_000,
  /** Added to how gladly Linux ends an executor when memory runs out, of 1,000. */
  executorOomScore: 500,
  /** Where Linux would end a worker with its executors, it looks so often at what is left of its memory: a few small files each time. */
  memoryWatchMs: 100,
  /** When less is left it looks again so much sooner, at the least: a look costs a tenth of a millisecond. */
  memoryWatchMsMin: 10,
  /** Memory fills no faster, in bytes for each millisecond: twice what one processor writes into fresh pages. */
  memoryFillBytesPerMs: 2 * MiB,
  /** With less left an executor ends, before Linux ends all: what is written between two looks and until the process is gone. */
  memoryReserveBytesMin: 32 * MiB,
  /** And so much of the whole, for more slots write at a time on a larger worker. */
  memoryReserveShare: 0.03,
  /** An ended executor's memory is back after so long at the latest; until it is, no second one ends for it. */
  memoryBackMs: 1_000,
  /** Requests in a row without an answer, after which the others wait instead of trying as well. */
  s3BreakerFailures: 3,
  /** The wait before one of them tries again, doubled each time. */
  s3BreakerMs: 250,
  /** The longest of those waits: so long after a server is back, everything goes on. */
  s3BreakerMsMax: 5_000,
  /** What a server says of a refusal: longer ones are pages for a browser. */
  s3RefusalBytesMax: 64 * KiB,
  /** One part of a staged output: S3 demands 5 MiB, and a buffer of it is in memory for each part on its way. */
  s3PartBytes: 8 * MiB,
  /** Parts of that size; those after them have the size below, since there may be 10,000 of them. */
  s3SmallPartsMax: 1_000,
  /** A part of an output of more than 8 GiB. */
  s3LargePartBytes: 64 * MiB,
  /** Parts of one upload: S3 takes no more. */
  s3PartsMax: 10_000,
  /** Parts of one output on their way while the next one fills. */
  s3PartsInFlight: 2,
  /** A seal holds so many ETags of parts, which the journal keeps; more are listed when the output is published. */
  s3SealPartsMax: 8,
  /** One ranged read: large enough that requests cost little beside bytes, small enough to be read again. */
  s3ReadBytes: 4 * MiB,
  /** Ranged reads of one reader that are on their way. */
  s3ReadsInFlight: 4,
  /** What all readers of one process may read ahead together; beyond it they read what they are asked for. */
  s3ReadAheadBytesMax: 64 * MiB,
  /**
   * A deletion that is repeated because its answer was lost may be carried out once more so much later; who is to write the key again
   * waits for it. It is one small request, which no server that answers keeps for longer.
   */
  s3LateDeleteMs: 5_000,
  /** Keys of one deletion: S3 takes no more. */
  s3DeleteBatch: 1_000,
  /** Days until a rule of the server removes shuffle objects: longer than the longest job and its grace period. */
  s3ShuffleKeepDays: 35,
  /** Conditional writes of one key that the start-up probe makes at a time: servers that let two win do so under load. */
  probeWriters: 32,
  /** Records appended to one journal slot. */
  journalBatchMax: 1_000,
  /** A leader that has not seen for so long that it leads looks again before it changes anything but the journal. */
  leaderConfirmMs: 1_000,
  /** Slots after which the leader takes a snapshot: a start reads one and at most about so many slots. */
  snapshotSlots: 1_000,
  /** Bytes of slots after which it does so, however few they are. */
  snapshotBytes: 32 * MiB,
  /** Slots that a start reads at a time, once it has seen that there are many. */
  replayReadsMax: 16,
  /** No slot is deleted before a snapshot has been there for so long: whoever reads that slowly still finds it. */
  journalKeepMs: 24 * 60 * 60_000,
  /** Within that time, snapshots so far apart are kept: should the last be damaged, an earlier one is not far. */
  snapshotSpacingMs: 60 * 60_000,
  /** First slots of leaders that are never deleted: a leader that comes back is fenced by its successor's, however late. */
  fencesKeptMax: 10_000,
  /** The longest deadline of a job: longer ones are no deadlines. */
  deadlineMsMax: 30 * 24 * 60 * 60_000,
  /** From a job's outcome until it is archived, on a standing coordinator: over a weekend, time to look and to retry. */
  endedKeepMs: 3 * 24 * 60 * 60_000,
  /** From a job's outcome until it is forgotten: long enough for the books of a month. */
  archivedKeepMs: 35 * 24 * 60 * 60_000,
  /** Archived jobs beyond so many are forgotten earlier: every snapshot and every start reads them all. */
  archivedJobsMax: 10_000,
  /** Events that an archived job keeps beside its outcome. */
  archivedEventsMax: 16,
  /** Code whose job has not been submitted is kept so long, and by a new leader so long in any case. */
  uploadGraceMs: 60 * 60_000,
  /**
   * A write whose answer was lost may land so much later: a server refuses signatures of more than 15 minutes ago, and what it
   * has begun to take by then has ended after `s3RequestMsMax`. Ended jobs are swept once more after it.
   */
  lateWriteMs: 20 * 60_000,
  /** The shortest that may be chosen for that: a network where nothing is late. */
  lateWriteMsMin: 1_000,
  /** The longest: an ended job is archived only after it. */
  lateWriteMsMax: 24 * 60 * 60_000,
  /** Between two looks at jobs whose time is over. */
  upkeepMs: 60_000,
  /** Job events kept for watchers; older ones are in the audit log. */
  eventsKeptMax: 10_000,
  /** Logs of user code, per attempt. */
  logBytesMax: 1 * MiB,
  /** Kept of the end of what an executor prints, however much that is: what V8 says when its heap is full, and its stack. */
  lastWordsBytesMax: 16 * KiB,
  /** Connections to the HTTP port at a time: a few who ask for metrics and health. */
  httpConnectionsMax: 64,
  /** Jobs in a list when nobody says how many: more than a screen, less than a message. */
  jobsListedDefault: 100,
  /** Jobs in one list: with their balances they fit into one message. */
  jobsListedMax: 1_000,
  /** Logs in one page: a stream that breaks is taken up again where it broke, and no call lasts for ever. */
  logPageBytesMax: 16 * MiB,
  /** Between two progress messages of a running task: often enough for a screen. */
  progressMs: 250,
  /** Between cancelling an attempt and killing its process. */
  cancelGraceMs: 500,
  /** What an executor printed arrives so long after its report, or its end, at the latest. */
  logGraceMs: 1_000,
  /** Files that `upload` and `results --to` move at a time: each has a few buffers, and hides the waits of the others. */
  transferFilesMax: 4,
  /** Smaller files are moved by one request each, which makes them visible as a whole; so many bytes are held for each. */
  transferWholeBytesMax: 8 * MiB,
  /** Private stores under `.gristmill/` that are kept. */
  privateJobsKept: 20,
  /** Executors of one worker. */
  slotsMax: 256,
  /** Names of counters of one job: they travel with every report. */
  userCountersMax: 1_000,
  /** A coordinator that is told to stop lets the cleaning up of ended jobs end for so long. */
  closeMsMax: 5_000,
  /** How long a job file may take to load, and its `setup` after that. */
  setupMsMax: 10 * 60_000,
} as const;

export const PROTOCOL_VERSION = 1;
