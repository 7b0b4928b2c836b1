/** `bundle` on the command line: for programs in other languages, which submit code that was bundled before. */
import type { Command } from 'commander';
import { GristmillError } from '../../shared/errors.js';

export interface BundleRequest {
  readonly kind: 'bundle';
  readonly jobFile: string;
  /** Where the bundle goes. */
  readonly to: string;
  readonly json: boolean;
}

interface Raw {
  readonly output?: string;
  readonly json?: boolean;
}

export function addBundleCommand(program: Command, onRequest: (request: BundleRequest) => void): void {
  program
    .command('bundle')
    .usage('<job.ts> [options]')
    .summary('write a job and its imports as one file')
    .description(
      'Write a job definition and its imports as one file, which clients in any language can submit: its bytes are what\n' +
        'UploadBundle takes, and their sha256 is the code version of SubmitJob. The same sources give the same bytes\n' +
        'anywhere.',
    )
    .argument('<job.ts>', 'the job definition')
    .option('-o, --output <file>', 'the file to write (default: the name of the job file with .mjs)')
    .option('--json', 'what was written as an object of JSON')
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExample:\n  gristmill bundle word-count.ts -o word-count.mjs')
    .action((jobFile: string, { output, json = false }: Raw) => {
      if (output === '') throw new GristmillError('command-line', '--output needs the name of a file');
      const to = output ?? jobFile.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '') + '.mjs';
      onRequest({ kind: 'bundle', jobFile, to, json });
    });
}
