#!/usr/bin/env node
/** The `gristmill` command: the process, its streams and signals around what `command/`, `run/` and `standing/` do. */
import { parseCommandLine } from './command/program.js';
import { exitCodeOfError, SIGNAL_EXIT_CODES, type StopSignal } from './command/exit-code.js';
import type { StandingRequest } from './command/standing.js';
import type { RunOptions } from './command/run-options.js';
import { errorLines } from './render/failure.js';
import { createReporter } from './render/reporter.js';
import { widthOf } from './render/screen.js';
import { styleOf } from './render/style.js';
import { StopRequest } from './run/stop-request.js';
import { systemClock } from '../shared/clock.js';
import { GristmillError } from '../shared/errors.js';

const PREVIEW_ROWS = 3;

async function main(args: readonly string[]): Promise<number> {
  const errorStyle = styleOf(process.stderr.isTTY, process.env);
  try {
    const request = parseCommandLine(args);
    if (request.kind === 'run') return await run(request.options);
    if (request.kind !== 'text') return await stand(request);
    process.stdout.write(request.text);
    return 0;
  } catch (thrown) {
    const error = GristmillError.from(thrown);
    process.stderr.write(`${errorLines(error, errorStyle).join('\n')}\n`);
    return exitCodeOfError(error);
  }
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

async function run(options: RunOptions): Promise<number> {
  const stop = stopOnSignals();
  const { stdout, stderr } = process;
  const outStyle = styleOf(stdout.isTTY, process.env);
  const errorStyle = styleOf(stderr.isTTY, process.env);
  const terminal = stderr.isTTY ? stderr : stdout.isTTY ? stdout : undefined;
  const reporter = createReporter(options.screen, {
    stdout,
    stderr,
    outStyle,
    errorStyle,
    bars: terminal && { terminal, style: styleOf(true, process.env) },
    clock: systemClock,
    verbose: options.verbose,
  });
  const { runHere } = await import('./run/compose.js');
  return runHere({
    options,
    directory: process.cwd(),
    environment: process.env,
    reporter,
    clock: systemClock,
    stop,
    preview: options.screen === 'full' && stdout.isTTY ? (job) => preview(job.parts) : undefined,
  });
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
