/** The commands about jobs of a standing coordinator: what each takes. */
import type { Command } from 'commander';
import type { Flags } from '../../shared/config/resolve.js';
import { clientSchema } from '../../shared/config/schema.js';
import { limits } from '../../shared/limits.js';
import { addConfigFlags } from './config-flags.js';
import {
  jobOptions,
  parseCursor,
  parseLimit,
  parseListed,
  parseWeight,
  screenOf,
  type JobOptions,
  type RawRunOptions,
  type Screen,
} from './run-options.js';

export type JobRequest = { readonly flags: Flags } & (
  | { readonly kind: 'submit'; readonly options: JobOptions; readonly json: boolean }
  | { readonly kind: 'jobs'; readonly job: string | undefined; readonly limit: number; readonly json: boolean }
  | {
      readonly kind: 'watch';
      readonly job: string;
      readonly cursor: number;
      readonly screen: Screen;
      readonly verbose: boolean;
    }
  | { readonly kind: 'logs'; readonly job: string; readonly task: string | undefined; readonly json: boolean }
  | { readonly kind: 'cancel'; readonly job: string; readonly reason: string; readonly json: boolean }
);

type OnRequest = (request: JobRequest) => void;
type Raw = RawRunOptions & { readonly from?: number; readonly reason?: string };

/** The options of a job, for `run` and `submit`. */
export function addJobFlags(command: Command): Command {
  return command
    .option('--input <uri...>', "read these paths or patterns instead of the definition's input")
    .option('--output <uri>', "write there instead of the definition's output")
    .option('--overwrite', 'replace the result of an earlier run of Gristmill')
    .option('--param <name=value...>', 'parameters of the job; a value is JSON if it parses, else text')
    .option('--limit <n>', 'read only the first n records', parseLimit)
    .option('--weight <n>', 'share of slots among the jobs of a coordinator (default: 1)', parseWeight);
}

/** What `run` and `watch` show. */
export function addScreenFlags(command: Command): Command {
  return command
    .option('--json', 'one JSON object for each event on stdout, nothing else')
    .option('--quiet', 'the final line only')
    .option('--verbose', 'logs and stacks on stderr');
}

export function addJobCommands(program: Command, onRequest: OnRequest): void {
  addSubmit(program, onRequest);
  addJobs(program, onRequest);
  addWatch(program, onRequest);
  addLogs(program, onRequest);
  addCancel(program, onRequest);
}

function added(program: Command, name: string, usage: string, summary: string, description: string): Command {
  const command = program.command(name).usage(usage).summary(summary).description(description);
  return command.allowExcessArguments(false).helpOption('-h, --help', 'print this help');
}

function addSubmit(program: Command, onRequest: OnRequest): void {
  const command = added(
    program,
    'submit',
    '<job.ts> [options]',
    'give a job to a coordinator and print its id',
    'Give a job to a coordinator, print its id and leave. Relative paths start at the current directory.',
  ).argument('<job.ts>', 'the job definition');
  addConfigFlags(addJobFlags(command).option('--json', 'the id in an object of JSON'), clientSchema);
  command.action((jobFile: string, raw: Raw) => {
    onRequest({ kind: 'submit', options: jobOptions(jobFile, raw), json: raw.json ?? false, flags: { ...raw } });
  });
}

function addJobs(program: Command, onRequest: OnRequest): void {
  const command = added(
    program,
    'jobs',
    '[job] [options]',
    'list the jobs of a coordinator, or show one in full',
    'List the jobs of a coordinator, the newest first, or show one in full. Where nothing says which coordinator or which\n' +
      'token, it is about the runs of this folder, whose traces are in .gristmill.',
  )
    .argument('[job]', 'the id of a job')
    .option('--limit <n>', 'so many jobs at most', parseListed, limits.jobsListedDefault)
    .option('--json', 'an object of JSON for each job');
  addConfigFlags(command, clientSchema);
  command.action((job: string | undefined, raw: Raw) => {
    const limit = raw.limit ?? limits.jobsListedDefault;
    onRequest({ kind: 'jobs', job, limit, json: raw.json ?? false, flags: { ...raw } });
  });
}

function addWatch(program: Command, onRequest: OnRequest): void {
  const command = added(
    program,
    'watch',
    '<job> [options]',
    'show what a job does until it ends',
    'Show what a job does, as run does, until it ends. Ctrl-C leaves the job alone.',
  )
    .argument('<job>', 'the id of a job')
    .option('--from <cursor>', 'only what came after this event: its `cursor` in --json', parseCursor, 0);
  addConfigFlags(addScreenFlags(command), clientSchema);
  command.action((job: string, raw: Raw) => {
    const shown = { screen: screenOf(raw), verbose: raw.verbose ?? false };
    onRequest({ kind: 'watch', job, cursor: raw.from ?? 0, ...shown, flags: { ...raw } });
  });
}

function addLogs(program: Command, onRequest: OnRequest): void {
  const command = added(
    program,
    'logs',
    '<job> [task] [options]',
    "show what a job's own code printed",
    "Show what a job's own code printed, by attempt. An attempt's log is there when the attempt has ended. Where nothing\n" +
      'says which coordinator or which token, it is about the runs of this folder, whose traces are in .gristmill.',
  )
    .argument('<job>', 'the id of a job')
    .argument('[task]', 'a task, map-00003, or one attempt of it, map-00003.1-2')
    .option('--json', 'an object of JSON for each piece');
  addConfigFlags(command, clientSchema);
  command.action((job: string, task: string | undefined, raw: Raw) => {
    onRequest({ kind: 'logs', job, task, json: raw.json ?? false, flags: { ...raw } });
  });
}

function addCancel(program: Command, onRequest: OnRequest): void {
  const command = added(
    program,
    'cancel',
    '<job> [options]',
    'end a job; nothing of it is published',
    'End a job. Nothing of it is published. A job that is publishing already goes on to its end.',
  )
    .argument('<job>', 'the id of a job')
    .option('--reason <text>', 'why, for whoever looks at the job')
    .option('--json', 'the job as an object of JSON');
  addConfigFlags(command, clientSchema);
  command.action((job: string, raw: Raw) => {
    onRequest({ kind: 'cancel', job, reason: raw.reason ?? '', json: raw.json ?? false, flags: { ...raw } });
  });
}
