/** `gristmill token` on the command line: a new token, and the line that lets it in. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { OWNER, ROLES, type Role } from '../../shared/access.js';
import { word } from '../../shared/config/types.js';
import { GristmillError } from '../../shared/errors.js';

export interface TokenRequest {
  readonly kind: 'token';
  readonly role: Role;
  readonly name: string;
  /** Where the token goes; undefined: it is printed. */
  readonly to: string | undefined;
}

interface Raw {
  readonly role?: string;
  readonly name?: string;
  readonly to?: string;
}

export function addToken(program: Command, onRequest: (request: TokenRequest) => void): void {
  program
    .command('token')
    .usage('--role <role> --name <name> [--to <file>]')
    .summary('make a token for the access file of a coordinator')
    .description(
      'Make a token that nobody can guess, and the line that lets it in: add the line to the file that the coordinator is given\n' +
        'as --access-file. The line holds a hash, and says nothing of the token. Nothing is sent to the coordinator.',
    )
    .option('--role <role>', `what it is for: ${ROLES.join(', ')}`)
    .option('--name <name>', 'whose it is, for logs and the events of jobs')
    .option('--to <file>', 'put the token into a new file that its owner alone can read, and print the line alone')
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      '\nExample:\n  gristmill token --role submit --name ci --to ci.token >> /etc/gristmill/access',
    )
    .action((raw: Raw) => onRequest(checked(raw)));
}

function checked({ role: given, name, to }: Raw): TokenRequest {
  const role = ROLES.find((known) => known === given);
  if (role === undefined) throw new GristmillError('command-line', `--role takes one of ${ROLES.join(', ')}`);
  if (name === undefined || word.fromText(name, '') === undefined || name === OWNER) {
    throw new GristmillError('command-line', `--name takes a name other than ${OWNER}: ${word.wants}`);
  }
  if (to === '') throw new GristmillError('command-line', '--to takes a path that is not empty');
  return { kind: 'token', role, name, to: to === undefined ? undefined : resolve(to) };
}
