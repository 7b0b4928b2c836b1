/** `gristmill coordinator` and `gristmill worker` on the command line: their flags are their configuration's. */
import type { Command } from 'commander';
import type { Schema } from '../../shared/config/option.js';
import type { Flags } from '../../shared/config/resolve.js';
import { coordinatorSchema, workerSchema } from '../../shared/config/schema.js';
import { addConfigFlags } from './config-flags.js';

export interface StandingRequest {
  readonly kind: 'coordinator' | 'worker';
  readonly flags: Flags;
}

const FORMS =
  '\nEach option is also a variable of the environment (--data-root: GRISTMILL_DATA_ROOT) and a key of the file that --config\n' +
  'names (dataRoot). SIGTERM or Ctrl-C stops it in order; a second one ends it at once.';

export function addStanding(program: Command, onRequest: (request: StandingRequest) => void): void {
  const add = (
    kind: StandingRequest['kind'],
    schema: Schema,
    summary: string,
    description: string,
    example: string,
  ) => {
    const command = program.command(kind).summary(summary).description(description).usage('[options]');
    addConfigFlags(command, schema)
      .allowExcessArguments(false)
      .helpOption('-h, --help', 'print this help')
      .addHelpText('after', `${FORMS}\n\nExample:\n  ${example}`)
      .action((flags: Flags) => onRequest({ kind, flags }));
  };
  add(
    'coordinator',
    coordinatorSchema,
    'serve jobs, with workers on this machine or others',
    'Take jobs, plan them and give their tasks to workers. All it knows is in its store: a coordinator that is started\n' +
      'again on the same store goes on where the last one ended.',
    'gristmill coordinator --store /srv/gristmill --data-root /data',
  );
  add(
    'worker',
    workerSchema,
    'run tasks for a coordinator, one for each slot',
    'Run the tasks of a coordinator. Any number of workers may come and go; those that die or stop lose no finished work.',
    'gristmill worker --coordinator 127.0.0.1:7070 --store /srv/gristmill',
  );
}
