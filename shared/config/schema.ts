/**
 * Every option of the standing processes and of the commands that talk to them. One schema gives the flag, the variable,
 * the key of the file, the type, the default, the help and the table of docs/reference/configuration.md.
 */
import { limits } from '../limits.js';
import { option } from './option.js';
import { s3Options } from './s3-options.js';
import { clientTlsOptions, serverTlsOptions, trustOptions } from './tls-options.js';
import { address, bytes, isSwitch, listOf, oneOf, path, place, wholeNumber, word } from './types.js';

/** Of every command that is configured. */
const common = {
  config: option<string | undefined>(path, undefined, {
    doc: 'A file with options: a JSON object whose keys are the names in this table. Relative paths in it start at its folder.',
    flagAndVariableOnly: true,
  }),
  printConfig: option(isSwitch, false, {
    doc: 'Prints the value of each option and where it comes from, and does nothing else.',
    flagOnly: true,
  }),
};

const store = option<string | undefined>(place, undefined, {
  doc:
    'Where the coordinator keeps its journal and all intermediate data: a folder, or `s3://bucket/prefix`. Workers and commands ' +
    "on the coordinator's machine need a folder only to find the token in it.",
});

const tokenFile = option<string | undefined>(path, undefined, {
  doc: 'The file that holds the token with which workers and commands are let in. The one of the coordinator may do everything.',
  defaultText: '`token` in a store that is a folder; a coordinator writes it there',
});

const logLevel = option<'silent' | 'error' | 'warn' | 'info' | 'debug'>(
  oneOf('silent', 'error', 'warn', 'info', 'debug'),
  'info',
  { doc: 'What is logged to standard error, a JSON object for each line.' },
);

const coordinator = option(address, '127.0.0.1:7070', { doc: 'Where the coordinator listens.' });

const http = option<string | undefined>(address, undefined, {
  doc:
    'The address of `/metrics`, for Prometheus, and of `/healthz`, such as 127.0.0.1:7071; each process needs one of its own. ' +
    "Where other machines can reach it, a coordinator's `/metrics` wants a token of role `read`, and a worker has `/healthz` alone.",
  defaultText: 'none',
});

const insecure = option(isSwitch, false, {
  doc:
    'Lets addresses other than this machine be used without TLS. Nothing is encrypted then: whoever can listen in on the network ' +
    'can read the token and run code on the workers.',
});

const connectMs = option<number>(wholeNumber(0, limits.firstContactMsMax), limits.firstContactMs, {
  doc:
    'How long one that starts waits, in milliseconds: a worker for its coordinator, a coordinator for its store. Later each ' +
    'comes back to it for as long as it takes.',
});

export const coordinatorSchema = {
  store,
  listen: option(address, '127.0.0.1:7070', { doc: 'The address to listen on; port 0 takes a free one.' }),
  http,
  dataRoot: option<readonly string[]>(listOf(path), [], {
    doc: 'A folder below which jobs may read and write; given for each such folder. `/` allows all.',
    defaultText: 'none: no job may use a file',
  }),
  tokenFile,
  accessFile: option<string | undefined>(path, undefined, {
    doc:
      'A file of further tokens: for each a line with its role, its name and its sha256, as `gristmill token` prints it. It is read ' +
      'again when it changes.',
    defaultText: 'none: the one token is let in',
  }),
  ...serverTlsOptions,
  leaseMs: option<number>(wholeNumber(limits.leaseMsMin, limits.leaseMsMax), limits.leaseDeadMs, {
    doc:
      'A worker that has not been heard of for so many milliseconds is dead, and its running tasks go elsewhere. Workers renew ' +
      'ten times as often.',
  }),
  connectMs,
  lateWriteMs: option<number>(wholeNumber(limits.lateWriteMsMin, limits.lateWriteMsMax), limits.lateWriteMs, {
    doc:
      'How many milliseconds late a write may land in the store after its connection broke. A job that has ended for so long is ' +
      'swept once more.',
  }),
  insecure,
  logLevel,
  ...s3Options,
  ...common,
};

export const workerSchema = {
  coordinator,
  tokenFile,
  ...clientTlsOptions,
  store,
  slots: option<number | undefined>(wholeNumber(1, limits.slotsMax), undefined, {
    doc: 'Tasks that run at a time, each in an executor process of its own.',
    defaultText: 'one for each core',
  }),
  memory: option<number | undefined>(bytes(limits.workerMemoryBytesMin), undefined, {
    doc: "Memory that the worker may count on. Half of it is for the heaps of its executors, in which a job's own code lives.",
    defaultText: "the machine's, or what its container is limited to",
  }),
  scratchDir: option<string | undefined>(path, undefined, {
    doc: 'A folder on a local disk for files of running tasks. The worker makes a folder of its own in it, and removes it at its end.',
    defaultText: 'that of the system for temporary files',
  }),
  worker: option<string | undefined>(word, undefined, {
    doc: 'The name of this worker. While one of that name is connected and heard of, another one is refused.',
    defaultText: "the name in its certificate, else the host's name and a random number",
  }),
  drainMs: option<number>(wholeNumber(0, limits.drainMsMax), limits.drainMsDefault, {
    doc: 'How long a worker that is told to stop lets its running tasks finish before it hands them back.',
  }),
  connectMs,
  http,
  insecure,
  logLevel,
  ...s3Options,
  ...common,
};

/** How commands reach a standing coordinator. */
export const clientSchema = { coordinator, tokenFile, ...trustOptions, store, insecure, ...common };

/** A run of its own uses the data as a worker does. */
export const runSchema = { ...clientSchema, ...s3Options };

/** All options there are: a file or an environment may be shared by several commands. */
export const wholeSchema = { ...coordinatorSchema, ...workerSchema, ...runSchema };
