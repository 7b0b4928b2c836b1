/** The options of a schema as flags of a command: the parser collects text, `shared/config` says what it means. */
import { Option, type Command } from 'commander';
import { defaultOf, usageOf } from '../../shared/config/print.js';
import type { OptionInfo, Schema } from '../../shared/config/option.js';

export function addConfigFlags(command: Command, schema: Schema): Command {
  for (const [name, option] of Object.entries(schema)) {
    if (!(option as OptionInfo).alsoVariablesOnly) command.addOption(flagFor(name, option));
  }
  return command;
}

function flagFor(name: string, info: OptionInfo): Option {
  const byDefault = defaultOf(info);
  const flag = new Option(usageOf(name, info), info.doc + (byDefault === '' ? '' : ` (default: ${byDefault})`));
  return info.type.isList ? flag.argParser(collect) : flag;
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
