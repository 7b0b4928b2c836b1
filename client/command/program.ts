/** The command line: what there is, what each command takes, and what is reserved for later. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { Flags } from '../../shared/config/resolve.js';
import { runSchema } from '../../shared/config/schema.js';
import { GristmillError } from '../../shared/errors.js';
import { addBundleCommand, type BundleRequest } from './bundle-command.js';
import { addConfigFlags } from './config-flags.js';
import { addJobCommands, addJobFlags, addScreenFlags, type JobRequest } from './job-commands.js';
import { addStanding, type StandingRequest } from './standing.js';
import { addToken, type TokenRequest } from './token.js';
import { addTransferCommands, type TransferRequest } from './transfer-commands.js';
import { parseWorkers, runOptions, type RawRunOptions, type RunOptions } from './run-options.js';

/** Commands with a place in the design and no code: they say so instead of failing as typing errors. */
const RESERVED = ['errors', 'verify', 'retry', 'replay'];

const COMMANDS = [
  'run',
  'submit',
  'jobs',
  'watch',
  'logs',
  'results',
  'cancel',
  'upload',
  'bundle',
  'coordinator',
  'worker',
  'token',
];

export type Request =
  /** `flags`: where a coordinator is, as far as the command line says it. */
  | { readonly kind: 'run'; readonly options: RunOptions; readonly flags: Flags }
  | JobRequest
  | TransferRequest
  | BundleRequest
  | StandingRequest
  | TokenRequest
  /** Help or version, asked for: text for stdout. */
  | { readonly kind: 'text'; readonly text: string };

/** From the arguments after `gristmill` to what is to be done; throws `command-line` or `not-built-yet`. */
export function parseCommandLine(args: readonly string[]): Request {
  let request: Request | undefined;
  const written: string[] = [];
  const complaints: string[] = [];
  const program = build((asked) => {
    request = asked;
  });
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => written.push(text), writeErr: (text) => complaints.push(text) });
  }
  try {
    program.parse([...args], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw complaint(thrown, args);
  }
  return request ?? { kind: 'text', text: written.join('') };
}

function build(onRequest: (request: Request) => void): Command {
  const program = new Command('gristmill')
    .description('MapReduce for TypeScript: a job is one typed file.')
    .usage('<command> [options]')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  gristmill run word-count.ts --overwrite\n  gristmill run --help');
  program.action((_options: unknown, command: Command) => {
    const [name] = command.args;
    command.error(name === undefined ? 'a command is missing' : `unknown command '${name}'`);
  });
  program.allowExcessArguments();
  addRun(program, onRequest);
  addJobCommands(program, onRequest);
  addTransferCommands(program, onRequest);
  addBundleCommand(program, onRequest);
  addStanding(program, onRequest);
  addToken(program, onRequest);
  for (const name of RESERVED) {
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => {
        throw new GristmillError('not-built-yet', `'gristmill ${name}' is not built yet`);
      });
  }
  return program;
}

/** A run has a folder of its own by the name of the store. */
const { store: _store, printConfig: _printConfig, ...connecting } = runSchema;

function addRun(program: Command, onRequest: (request: Request) => void): void {
  const command = program
    .command('run')
    .summary('run a job, start to end')
    .description(
      'Run a job and print where the result is: on this machine, with a coordinator and executors of its own, or, with\n' +
        '--coordinator, on the workers of that one. Relative paths start at the current directory. Quote patterns:\n' +
        '--input "logs/*.txt"',
    )
    .usage('<job.ts> [options]')
    .argument('<job.ts>', 'the job definition')
    .allowExcessArguments(false);
  addJobFlags(command)
    .option('--workers <n>', 'executors (default: one for each core)', parseWorkers)
    .option('--store <uri>', 'folder or s3://bucket/prefix for intermediate data (default: .gristmill)')
    .option('--dry-run', 'print the plan and run nothing');
  addConfigFlags(addScreenFlags(command), connecting)
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      '\nExit codes:\n  0 completed   3 partial success   1 failed or cancelled   2 command line or definition wrong' +
        '\n  130 stopped by Ctrl-C: the first cancels the job and waits, the second ends at once',
    )
    .action((jobFile: string, raw: RawRunOptions) =>
      onRequest({ kind: 'run', options: runOptions(jobFile, raw), flags: { ...raw } }),
    );
}

/** Commander's complaint as ours, with what to try. */
function complaint(error: CommanderError, args: readonly string[]): GristmillError {
  const message = error.message.replace(/^error: /, '');
  const known = COMMANDS.find((name) => name === args[0]);
  const command = known === undefined ? 'gristmill' : `gristmill ${known}`;
  const takesFile = known === 'run' || known === 'submit' || known === 'bundle';
  if (error.code === 'commander.excessArguments' && takesFile) {
    const hint = 'one job file at a time, before the options; quote patterns, so that the shell leaves them alone';
    return new GristmillError('command-line', `too many arguments for '${command}'\nhint: ${hint}`);
  }
  const hint =
    error.code === 'commander.missingArgument' && takesFile
      ? `the job file comes first: '${command} job.ts'`
      : `'${command} --help' lists what there is`;
  return new GristmillError('command-line', `${message}\nhint: ${hint}`);
}

function version(): string {
  // From dist/client/command as from client/command, whatever the depth.
  for (const folder of ['../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // One level further up.
    }
  }
  return 'unknown';
}
