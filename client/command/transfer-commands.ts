/** The commands that move data: what each takes. */
import type { Command } from 'commander';
import type { Flags } from '../../shared/config/resolve.js';
import { runSchema } from '../../shared/config/schema.js';
import { GristmillError } from '../../shared/errors.js';
import { uploadSchema } from '../transfer/config.js';
import type { ResultsRequest } from '../transfer/results.js';
import type { UploadRequest } from '../transfer/upload.js';
import { addConfigFlags } from './config-flags.js';
import { screenOf, type RawRunOptions } from './run-options.js';

export type TransferRequest = { readonly flags: Flags } & (
  ({ readonly kind: 'upload' } & UploadRequest) | ({ readonly kind: 'results' } & ResultsRequest)
);

type OnRequest = (request: TransferRequest) => void;
type Raw = RawRunOptions & { readonly to?: string };

export function addTransferCommands(program: Command, onRequest: OnRequest): void {
  addUpload(program, onRequest);
  addResults(program, onRequest);
}

function addUpload(program: Command, onRequest: OnRequest): void {
  const command = program
    .command('upload')
    .usage('<path...> <target> [options]')
    .summary('copy files to where workers find them')
    .description(
      'Copy files to where workers find them, such as s3://bucket/prefix. A folder\n' +
        'goes with its name, `folder/.` is what is in it; names in it that begin with .\n' +
        'or _ are left out, as inputs never match them. Each file is read back and\n' +
        'compared. What is there already with the same bytes is not sent again.',
    )
    .argument('<path...>', 'files and folders, and last the folder or prefix that they go to')
    .option('--overwrite', 'replace files that are there with other bytes')
    .option('--json', 'an object of JSON for each file, and one for all')
    .option('--quiet', 'the final line only')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExample:\n  gristmill upload logs/2026-11 s3://company-data/logs');
  addConfigFlags(command, uploadSchema);
  command.action((words: readonly string[], raw: Raw) => {
    const paths = words.slice(0, -1);
    const target = words.at(-1) ?? '';
    if (paths.length === 0) {
      const hint = "files first, then where they go: 'gristmill upload data.csv s3://bucket/prefix'";
      throw new GristmillError('command-line', `there is nothing to upload, or no target\nhint: ${hint}`);
    }
    const overwrite = raw.overwrite ?? false;
    onRequest({ kind: 'upload', paths, target, overwrite, screen: screenOf(raw), flags: { ...raw } });
  });
}

function addResults(program: Command, onRequest: OnRequest): void {
  const command = program
    .command('results')
    .usage('<job> [options]')
    .summary('print the rows of a job, or fetch its parts')
    .description(
      "Print the rows of a job's result, in the order of its parts, or fetch the\n" +
        'parts into a folder. Both verify each part against the manifest. The result is\n' +
        'read here, with the credentials that are given here. Where nothing says which\n' +
        'coordinator or which token, it is about the runs of this folder, whose traces\n' +
        'are in .gristmill.',
    )
    .argument('<job>', 'the id of a job')
    .option('--to <folder>', 'fetch the parts into a folder that is empty or not there')
    .option('--json', 'with --to: what was fetched, as an object of JSON')
    .option('--quiet', 'with --to: the final line only')
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'print this help');
  addConfigFlags(command, runSchema);
  command.action((job: string, raw: Raw) => {
    if (raw.to === '') throw new GristmillError('command-line', '--to needs a folder, not an empty text');
    if (raw.to === undefined && (raw.json ?? raw.quiet)) {
      throw new GristmillError(
        'command-line',
        '--json and --quiet are for --to: without it there are rows and nothing else',
      );
    }
    onRequest({ kind: 'results', job, to: raw.to, screen: screenOf(raw), flags: { ...raw } });
  });
}
