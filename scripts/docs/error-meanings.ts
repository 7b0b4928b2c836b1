/** What each error code says to a person and what to do about it. The compiler refuses a code too few or too many. */
import type { ErrorCode } from '../../shared/errors.js';

export interface Meaning {
  readonly happened: string;
  readonly remedy: string;
}

const meaning = (happened: string, remedy: string): Meaning => ({ happened, remedy });

export const errorMeanings = {
  'definition-invalid': meaning(
    'The job file has no default export made by `defineJob` or `defineMap`, or one of its options is unknown or wrong.',
    'Correct the option that the message names.',
  ),
  'definition-load-failed': meaning(
    'The job file was bundled, and threw when it was imported.',
    'The stack names the line. Code outside `map`, `reduce` and `setup` runs whenever the definition is loaded.',
  ),
  'bundle-failed': meaning(
    'The job file or one of its imports cannot be bundled: missing, a syntax error, or a native module.',
    'Correct the import or the line that the message names.',
  ),
  'bundle-corrupt': meaning('A bundle does not have the hash it is named by.', 'Tried again by itself.'),
  'not-built-yet': meaning(
    'The definition uses a call or an option that the types know and the engine does not yet.',
    'Leave it out; it is refused rather than ignored.',
  ),
  'params-invalid': meaning(
    "A parameter is unknown, missing or not what the definition's schema accepts.",
    'Correct the `--param` that the message names.',
  ),
  'setup-failed': meaning('`setup` threw.', 'The stack names the line in your source.'),
  'command-line': meaning('An unknown command or option, or a wrong value of one.', '`gristmill --help` lists them.'),
  'config-invalid': meaning(
    'A key of the configuration file or a variable of the environment is unknown, missing or has a wrong value.',
    'Correct what the message names; `--print-config` shows where each value comes from.',
  ),
  'credentials-missing': meaning(
    'An `s3://` URI is to be opened by a process that has no S3 credentials: a command, a coordinator or a worker.',
    'Give it the files with the keys, or the AWS variables; see [storage](../guide/storage.md).',
  ),
  'map-failed': meaning(
    '`map` threw on a record.',
    "The message names the line in your source, and the record's file and offset.",
  ),
  'reduce-failed': meaning('`reduce` threw on a key.', 'The message names the line in your source, and the key.'),
  'aggregator-failed': meaning(
    "A function of the job's own aggregator (`zero`, `add`, `merge`, `finish`) threw or returned a promise.",
    'The message names the function and the key. The functions must be synchronous.',
  ),
  'combine-failed': meaning(
    '`combine` threw or returned a promise.',
    'The message names the key. `combine` must be synchronous.',
  ),
  'partition-failed': meaning(
    '`partition` threw or did not return an integer below the number of partitions.',
    'Return `0 <= n < count`, and the same for equal keys.',
  ),
  'map-not-repeatable': meaning(
    'A map task had to run again while the result was being published, and its output was not that of its first run.',
    'Make `map` depend on its record and its parameters alone: no clock, no random numbers, no state that outlives a record.',
  ),
  'unhandled-rejection': meaning(
    'A promise that nobody awaits was rejected while a task ran.',
    'Await it, or return it from the function that started it.',
  ),
  'emit-after-end': meaning(
    '`emit` was called for a record or key that had ended.',
    'Await what emits, or return its promise.',
  ),
  'values-reused': meaning(
    '`values` was iterated a second time, or after its `reduce` had returned.',
    'Iterate once, and keep what is needed again.',
  ),
  'exit-called': meaning('The job called `process.exit`.', 'Throw instead: the process belongs to the engine.'),
  'key-invalid': meaning(
    'A key is not one of the key types, is NaN or has a lone surrogate, or is longer than `keyBytesMax`.',
    'See the key types in the guide; for a date use `toISOString()`.',
  ),
  'value-invalid': meaning(
    'A value holds something that cannot be stored and read back unchanged.',
    'The message names the path to the field.',
  ),
  'row-invalid': meaning('An output row cannot be written in its format.', 'The message names the path to the field.'),
  'record-invalid': meaning(
    'A record is not what its source promises: text that is not UTF-8, a line that is not JSON, a cell that is no number.',
    'The message names the file and the offset.',
  ),
  'record-too-large': meaning('A record, value or row is larger than `recordBytesMax`.', 'Split it before the job.'),
  'input-not-found': meaning(
    'An input matches nothing.',
    'Check the path; names beginning with `_` or `.` never match.',
  ),
  'input-unreadable': meaning('An input exists and cannot be read.', 'Check its permissions.'),
  'input-changed': meaning(
    'An input changed between planning and reading.',
    'Run again when nothing writes to it any more.',
  ),
  'header-invalid': meaning(
    'The header of a CSV file is missing, or does not name the columns that the job wants, each once.',
    'Correct `columns` or the file that the message names; for files without a header say `header: false`.',
  ),
  'outside-data-roots': meaning(
    'An input or the output of the job lies outside the folders that the coordinator was started with.',
    'Start the coordinator with `--data-root` for that folder, or use one that it has.',
  ),
  'output-occupied': meaning(
    "The output folder holds something, or another job's claim.",
    'Choose another folder, or `--overwrite` to replace an earlier result.',
  ),
  'output-unwritable': meaning('The output folder cannot be written.', 'Check its permissions and the space left.'),
  'publish-lost': meaning(
    "At the commit another owner's file stood where a part belongs.",
    'Find out who else writes to that folder; what this job had published is removed.',
  ),
  'no-result': meaning(
    'The job has no result to show: it has not ended, it failed, or what it published is gone or replaced.',
    '`gristmill jobs ID` says how the job stands; `gristmill watch ID` waits for its end.',
  ),
  'content-differs': meaning(
    'Stored bytes are not those that were written: their number, checksum or rows differ from what is known of them.',
    'Upload again, or run the job again; if it happens again, look at the disks and the network of the store.',
  ),
  'executor-died': meaning(
    'The process that ran the task ended by a signal or a crash.',
    'Tried again by itself; if it repeats, look at what user code and its native modules do: the message has its last words.',
  ),
  'out-of-memory': meaning(
    'The process that ran the task ended because memory ran out: its heap was full, or Linux killed it for its memory.',
    'Tried again by itself on two slots of one worker, with twice the heap; if it repeats, keep less in user code, or use fewer executors.',
  ),
  'handed-back': meaning(
    'A worker was told to stop and gave the task back before it was done.',
    'Nothing: another worker runs it, and the task is not blamed.',
  ),
  'worker-lost': meaning(
    'The worker that ran the task died, or was not heard of for the time of its lease.',
    'Tried again by itself on another worker, without spending an attempt; look at the machine when it happens often.',
  ),
  'memory-exceeded': meaning(
    'A record, or the blocks that must be held at a time, do not fit into the memory of a task; what merely adds up is spilled.',
    'A larger `memory`, or smaller keys and values; where it is addresses that are not to be had, a larger `ulimit -v`.',
  ),
  'disk-full': meaning('A disk is full.', 'Free space; the message names the path.'),
  'object-not-found': meaning('An object that must exist is not in the store.', 'Tried again by itself.'),
  'object-exists': meaning('A key that is written once exists already.', 'Handled by the engine.'),
  'object-changed': meaning(
    'An object was replaced while it was read.',
    'Tried again by itself; an input that changes ends its job with `input-changed`.',
  ),
  'store-unavailable': meaning('The store does not answer or refuses for now.', 'Tried again by itself.'),
  'store-timeout': meaning('A call to the store took too long.', 'Tried again by itself.'),
  'store-denied': meaning('The store refuses for good.', 'Check the permissions or credentials.'),
  'store-unfit': meaning(
    'The store breaks a promise that everything rests on: of many writers of one key more than one won, or a listing is not complete or not in order.',
    'Use another server, or another version of it: the message says what it did.',
  ),
  'staged-missing': meaning('A staged output is gone before its commit.', 'Its reduce task runs again by itself.'),
  'shuffle-corrupt': meaning(
    'A shuffle object is not as it was written: a wrong checksum, bytes of another object, or too few of them.',
    'Read once again, then its map task runs again by itself, a few times at most. After that, look at the store.',
  ),
  'shuffle-missing': meaning(
    'A shuffle object is not in the store any more.',
    'Its map task runs again by itself, a few times at most. After that, look for what removes objects from the store.',
  ),
  'block-corrupt': meaning('A block does not have its checksum or its form.', 'Read again, then made again.'),
  'deadline-passed': meaning(
    'The job was not done when its `deadline` had passed: partitions that were finished are published, without `_SUCCESS`.',
    'Read what is there (the manifest says `complete: false`), allow more time, or give the job more workers.',
  ),
  'out-of-balance': meaning(
    'The counts of the job do not balance: records were lost or made up.',
    'Do not use the output; please report it, with the audit log.',
  ),
  'invalid-id': meaning('An id is not one of ours.', 'Copy it again.'),
  'invalid-request': meaning('A request misses a field or has a value outside its limits.', 'Correct it as told.'),
  'job-not-found': meaning('No job has that id here.', 'List the jobs.'),
  'job-ended': meaning('The job has ended and cannot be changed.', 'Its outcome stays readable.'),
  unauthenticated: meaning(
    'A call came without a token, or with one that the coordinator does not know.',
    'Use the token of that coordinator, or one of its access file.',
  ),
  'permission-denied': meaning(
    "A token's role is not enough for the call, or a worker's certificate is not one for its name.",
    'Use a token of the role that the message names, or the certificate of this worker; see [security](../guide/security.md).',
  ),
  'tls-failed': meaning(
    'No encrypted connection came about: a certificate has expired, is for another name or of another authority, or only one ' +
      'side speaks TLS.',
    'Correct what the message names; see [security](../guide/security.md).',
  ),
  'request-too-large': meaning(
    'A message or a bundle is larger than its limit.',
    'Data belongs into files and inputs, not into parameters or code.',
  ),
  'over-capacity': meaning(
    'The coordinator has as many jobs that have not ended, or bundles on their way, as it takes.',
    'Come back when some have ended; nothing of the call was kept.',
  ),
  'protocol-mismatch': meaning('Two processes speak different versions.', 'Use one version of Gristmill everywhere.'),
  'worker-name-taken': meaning(
    'Another worker of the same name is with the coordinator, and was heard of lately.',
    'Give each worker a name of its own, or none; after a crash wait for `leaseSuspectMs`.',
  ),
  unavailable: meaning('A service cannot be reached.', 'Tried again by itself.'),
  fenced: meaning('A coordinator found that another one leads.', 'It stops; the other one goes on.'),
  'journal-corrupt': meaning('The journal has a gap or a record that cannot be read.', 'Please report it.'),
  'manifest-invalid': meaning('A manifest cannot be read as one.', 'Do not use that output.'),
  aborted: meaning('Something was given up because what asked for it ended.', 'Nothing.'),
  internal: meaning('Something that should not happen.', 'Please report it.'),
} as const satisfies Readonly<Record<ErrorCode, Meaning>>;
