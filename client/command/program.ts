/** The command line: what there is, what each command takes, and what is reserved for later. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { GristmillError } from '../../shared/errors.js';
import {
  parseLimit,
  parseWeight,
  parseWorkers,
  runOptions,
  type RawRunOptions,
  type RunOptions,
} from './run-options.js';

/** Commands with a place in the design and no code: they say so instead of failing as typing errors. */
const RESERVED = [
  'submit',
  'jobs',
  'watch',
  'logs',
  'errors',
  'results',
  'cancel',
  'verify',
  'retry',
  'replay',
  'upload',
  'coordinator',
  'worker',
];

export type Request =
  | { readonly kind: 'run'; readonly options: RunOptions }
  /** Help or version, asked for: text for stdout. */
  | { readonly kind: 'text'; readonly text: string };

/** From the arguments after `gristmill` to what is to be done; throws `command-line` or `not-built-yet`. */
export function parseCommandLine(args: readonly string[]): Request {
  let request: Request | undefined;
  const written: string[] = [];
  const complaints: string[] = [];
  const program = build((options) => {
    request = { kind: 'run', options };
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

function build(onRun: (options: RunOptions) => void): Command {
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
  addRun(program, onRun);
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

function addRun(program: Command, onRun: (options: RunOptions) => void): void {
  program
    .command('run')
    .summary('run a job here, start to end')
    .description(
      'Run a job on this machine, with a coordinator and executors of its own, and print where the result is.\n' +
        'Relative paths start at the current directory. Quote patterns: --input "logs/*.txt"',
    )
    .usage('<job.ts> [options]')
    .argument('<job.ts>', 'the job definition')
    .allowExcessArguments(false)
    .option('--input <uri...>', "read these paths or patterns instead of the definition's input")
    .option('--output <uri>', "write there instead of the definition's output")
    .option('--overwrite', 'replace the result of an earlier run of Gristmill')
    .option('--param <name=value...>', 'parameters of the job; a value is JSON if it parses, else text')
    .option('--workers <n>', 'executors (default: one for each core)', parseWorkers)
    .option('--store <uri>', 'folder for intermediate data (default: .gristmill)')
    .option('--limit <n>', 'read only the first n records', parseLimit)
    .option('--dry-run', 'print the plan and run nothing')
    .option('--json', 'one JSON object for each event on stdout, nothing else')
    .option('--quiet', 'the final line only')
    .option('--verbose', 'logs and stacks on stderr')
    .addOption(new Option('--weight <n>', 'share of slots among other jobs').argParser(parseWeight).hideHelp())
    .addOption(new Option('--coordinator <address>').hideHelp())
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      '\nExit codes:\n  0 completed   3 partial success   1 failed or cancelled   2 command line or definition wrong' +
        '\n  130 stopped by Ctrl-C: the first cancels the job and waits, the second ends at once',
    )
    .action((jobFile: string, raw: RawRunOptions) => onRun(runOptions(jobFile, raw)));
}

/** Commander's complaint as ours, with what to try. */
function complaint(error: CommanderError, args: readonly string[]): GristmillError {
  const message = error.message.replace(/^error: /, '');
  const command = args[0] === 'run' ? 'gristmill run' : 'gristmill';
  if (error.code === 'commander.excessArguments' && args[0] === 'run') {
    const hint = 'one job file at a time, before the options; quote patterns, so that the shell leaves them alone';
    return new GristmillError('command-line', `too many arguments for '${command}'\nhint: ${hint}`);
  }
  const hint =
    error.code === 'commander.missingArgument'
      ? "the job file comes first: 'gristmill run job.ts'"
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
