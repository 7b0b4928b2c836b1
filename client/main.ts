#!/usr/bin/env node
/** The `gristmill` command: the process, its streams and signals around what `command/`, `run/`, `remote/` and `standing/` do. */
import type { BundleRequest } from './command/bundle-command.js';
import { parseCommandLine, type Request } from './command/program.js';
import { exitCodeOfError, SIGNAL_EXIT_CODES, type StopSignal } from './command/exit-code.js';
import type { JobRequest } from './command/job-commands.js';
import type { Screen } from './command/run-options.js';
import type { StandingRequest } from './command/standing.js';
import type { TokenRequest } from './command/token.js';
import type { TransferRequest } from './command/transfer-commands.js';
import type { Job } from './job-types.js';
import { namesCoordinator, runConfig } from './remote/config.js';
import type { CommandContext } from './remote/context.js';
import { errorLines } from './render/failure.js';
import { createReporter, type Reporter } from './render/reporter.js';
import { widthOf, type Terminal } from './render/screen.js';
import { styleOf } from './render/style.js';
import { StopRequest } from './run/stop-request.js';
import { systemClock } from '../shared/clock.js';
import { GristmillError } from '../shared/errors.js';

const PREVIEW_ROWS = 3;

async function main(args: readonly string[]): Promise<number> {
  const errorStyle = styleOf(process.stderr.isTTY, process.env);
  try {
    const request = parseCommandLine(args);
    if (isStanding(request)) return await stand(request);
    if (request.kind === 'token') return await token(request);
    if (request.kind === 'bundle') return await bundle(request);
    if (request.kind !== 'text') return await perform(request);
    process.stdout.write(request.text);
    return 0;
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    process.stderr.write(`${errorLines(error, errorStyle).join('\n')}\n`);
    return exitCodeOfError(error);
  }
}

async function token(request: TokenRequest): Promise<number> {
  const [{ makeToken }, { randomBytes }] = await Promise.all([import('./token.js'), import('node:crypto')]);
  process.stdout.write(makeToken(request, (bytes) => randomBytes(bytes)));
  return 0;
}

function isStanding(request: Request): request is StandingRequest {
  return request.kind === 'coordinator' || request.kind === 'worker';
}

async function stand({ kind, flags }: StandingRequest): Promise<number> {
  const context = {
    flags,
    environment: process.env,
    directory: process.cwd(),
    clock: systemClock,
    stop: stopOnSignals(),
    say: (line: string) => void process.stdout.write(`${line}\n`),
  };
  if (kind === 'coordinator') await (await import('./standing/coordinator.js')).standAsCoordinator(context);
  else await (await import('./standing/worker.js')).standAsWorker(context);
  return 0;
}

async function bundle(request: BundleRequest): Promise<number> {
  const { writeBundle } = await import('./bundle/write-bundle.js');
  const write = (text: string) => void process.stdout.write(text);
  return writeBundle({ ...request, directory: process.cwd(), write });
}

type RunRequest = Extract<Request, { readonly kind: 'run' }>;

async function perform(request: JobRequest | TransferRequest | RunRequest): Promise<number> {
  const { flags } = request;
  const sources = { flags, environment: process.env, directory: process.cwd() };
  const shown = request.kind === 'run' ? request.options : request.kind === 'watch' ? request : undefined;
  const context: CommandContext = {
    ...sources,
    clock: systemClock,
    reporter: reporterFor(shown?.screen ?? 'quiet', shown?.verbose ?? false),
    // Other commands are done with one call: a signal ends them as it ends any program.
    stop: shown === undefined && !isLong(request) ? new StopRequest() : stopOnSignals(),
    write: (text) => void process.stdout.write(text),
    writeBytes: (bytes) => new Promise((resolve) => process.stdout.write(bytes, (error) => resolve(!error))),
    terminal: terminal(),
  };
  if (isTransfer(request)) return (await import('./transfer/perform.js')).transfer(request, context);
  if (request.kind !== 'run') return (await import('./remote/perform.js')).perform(request, context);
  const { options } = request;
  const config = runConfig(sources);
  const isSeen = options.screen === 'full' && process.stdout.isTTY;
  const showRows = isSeen ? (job: Job) => preview(job.parts) : undefined;
  if (namesCoordinator(config)) {
    const { runThere } = await import('./remote/run-there.js');
    return runThere(context, { options, preview: showRows }, config);
  }
  const { runHere } = await import('./run/compose.js');
  const { storeAccessOf } = await import('../shared/config/s3.js');
  return runHere({ ...context, options, preview: showRows, access: storeAccessOf(config) });
}

function isTransfer(request: { readonly kind: string }): request is TransferRequest {
  return request.kind === 'upload' || request.kind === 'results';
}

/** More than one call, and something to clean up when it is stopped. */
function isLong(request: JobRequest | TransferRequest | RunRequest): boolean {
  return request.kind === 'submit' || isTransfer(request);
}

/** Where bars are drawn: beside what the command prints, if that goes elsewhere. */
function terminal(): Terminal | undefined {
  const { stdout, stderr } = process;
  return stderr.isTTY ? stderr : stdout.isTTY ? stdout : undefined;
}

/** The first signal asks for an orderly end, the second one ends the process. */
function stopOnSignals(): StopRequest {
  const stop = new StopRequest();
  for (const signal of ['SIGINT', 'SIGTERM'] satisfies StopSignal[]) {
    process.on(signal, () => {
      // Executors end with the socket to their agent, which is this process.
      if (!stop.request(signal)) process.exit(SIGNAL_EXIT_CODES[signal]);
    });
  }
  return stop;
}

function reporterFor(screen: Screen, verbose: boolean): Reporter {
  const { stdout, stderr } = process;
  const outStyle = styleOf(stdout.isTTY, process.env);
  const errorStyle = styleOf(stderr.isTTY, process.env);
  const drawn = terminal();
  const bars = drawn && { terminal: drawn, style: styleOf(true, process.env) };
  return createReporter(screen, { stdout, stderr, outStyle, errorStyle, bars, clock: systemClock, verbose });
}

async function preview(parts: readonly string[]): Promise<void> {
  const { previewRows } = await import('./run/preview.js');
  const rows = await previewRows(parts, PREVIEW_ROWS, widthOf(process.stdout) - 2);
  if (rows.length > 0) process.stdout.write(`\nThe first rows:\n${rows.map((row) => `  ${row}\n`).join('')}`);
}

// A reader that left (`| head`) does not end the job: its result is in files.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const code = await main(process.argv.slice(2));
process.stdout.write('', () => process.exit(code));
