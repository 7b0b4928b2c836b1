/** The configuration: what goes before what, what is refused and how it is said. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { option, type Schema } from '../../../shared/config/option.js';
import { printConfig } from '../../../shared/config/print.js';
import { loadConfig, type ConfigSources } from '../../../shared/config/resolve.js';
import { clientSchema, coordinatorSchema, wholeSchema, workerSchema } from '../../../shared/config/schema.js';
import { word } from '../../../shared/config/types.js';
import { GristmillError } from '../../../shared/errors.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function sources(parts: Partial<ConfigSources> & { readonly file?: unknown } = {}): ConfigSources {
  const { file, flags = {}, environment = {}, directory = '/work' } = parts;
  if (file === undefined) return { flags, environment, directory };
  const path = join(folder, 'gristmill.json');
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return { flags: { ...flags, config: path }, environment, directory };
}

function refusal(schema: Schema, parts: Parameters<typeof sources>[0]): GristmillError {
  try {
    loadConfig(schema, sources(parts));
  } catch (thrown) {
    if (thrown instanceof GristmillError) return thrown;
    throw thrown;
  }
  throw new Error('not refused');
}

describe('the configuration', () => {
  test('a flag goes before a variable, that before the file, that before the default', () => {
    const file = { slots: 3, drainMs: 1, worker: 'from-file' };
    const environment = { GRISTMILL_SLOTS: '2', GRISTMILL_DRAIN_MS: '2' };
    const { values, origins } = loadConfig(workerSchema, sources({ file, environment, flags: { slots: '1' } }));
    expect(values).toMatchObject({ slots: 1, drainMs: 2, worker: 'from-file', coordinator: '127.0.0.1:7070' });
    expect(origins).toMatchObject({
      slots: '--slots',
      drainMs: 'GRISTMILL_DRAIN_MS',
      worker: join(folder, 'gristmill.json'),
      coordinator: 'default',
    });
  });

  test('relative paths start where they are written', () => {
    mkdirSync(join(folder, 'deeper'));
    writeFileSync(join(folder, 'deeper/c.json'), '{"dataRoot": ["in", "/abs"], "store": "file:///s"}');
    const given = sources({ flags: { config: 'deeper/c.json', tokenFile: 't' }, directory: folder });
    expect(loadConfig(coordinatorSchema, given).values).toMatchObject({
      dataRoot: [join(folder, 'deeper/in'), '/abs'],
      store: 'file:///s',
      tokenFile: join(folder, 't'),
    });
  });

  test('a list is flags, commas in a variable, or an array', () => {
    const roots = (parts: Parameters<typeof sources>[0]) =>
      loadConfig(coordinatorSchema, sources(parts)).values.dataRoot;
    expect(roots({ flags: { dataRoot: ['/a,b', '/c'] } })).toEqual(['/a,b', '/c']);
    expect(roots({ environment: { GRISTMILL_DATA_ROOT: '/a,/b' } })).toEqual(['/a', '/b']);
    expect(roots({ file: { dataRoot: ['/a', '/b'] } })).toEqual(['/a', '/b']);
    expect(roots({})).toEqual([]);
  });

  test('the file may be named by a variable', () => {
    const { flags } = sources({ file: { slots: 7 } });
    const environment = { GRISTMILL_CONFIG: String(flags['config']) };
    expect(loadConfig(workerSchema, sources({ environment })).values.slots).toBe(7);
  });

  test('a key that no command knows is refused with the nearest one; keys of other commands are not', () => {
    const { code, message } = refusal(workerSchema, { file: { slot: 3 } });
    expect(code).toBe('config-invalid');
    expect(message).toMatch(/^the key "slot" in .*gristmill\.json is not an option\nhint: did you mean slots\?$/);
    expect(refusal(workerSchema, { file: { toString: 3 } }).message).toContain('"toString"');
    expect(refusal(workerSchema, { file: { config: 'x' } }).message).toContain('"config"');
    expect(loadConfig(workerSchema, sources({ file: { dataRoot: ['/d'] } })).values).not.toHaveProperty('dataRoot');
  });

  test('a variable that no command knows is refused; those of a cluster manager are not', () => {
    expect(refusal(workerSchema, { environment: { GRISTMILL_SLOT: '3' } })).toMatchObject({
      code: 'config-invalid',
      message: 'the variable GRISTMILL_SLOT in the environment is not an option\nhint: did you mean GRISTMILL_SLOTS?',
    });
    const environment = {
      GRISTMILL_COORDINATOR_SERVICE_HOST: '10.0.0.1',
      GRISTMILL_COORDINATOR_PORT_7070_TCP_ADDR: '10.0.0.1',
      GRISTMILL_COORDINATOR_PORT: 'tcp://10.0.0.1:7070',
      GRISTMILL_GATES: '/gates',
      GRISTMILL_DATA_ROOT: '/d',
    };
    expect(loadConfig(workerSchema, sources({ environment })).values.coordinator).toBe('127.0.0.1:7070');
  });

  test.each([
    [{ flags: { slots: '0' } }, 'command-line', '--slots takes a whole number from 1 to 256, not the string "0"'],
    [{ flags: { slots: '1e1' } }, 'command-line', '--slots takes a whole number'],
    [{ flags: { coordinator: 'localhost' } }, 'command-line', '--coordinator takes host:port'],
    [{ flags: { coordinator: 'h:70000' } }, 'command-line', '--coordinator takes host:port'],
    [{ flags: { worker: '../up' } }, 'command-line', '--worker takes letters'],
    [{ flags: { memory: '4GB' } }, 'command-line', '--memory takes a size with its unit'],
    [{ flags: { scratchDir: '' } }, 'command-line', '--scratch-dir takes a path that is not empty'],
    [{ environment: { GRISTMILL_SLOTS: 'many' } }, 'config-invalid', 'GRISTMILL_SLOTS takes a whole number'],
    [{ environment: { GRISTMILL_INSECURE: 'yes' } }, 'config-invalid', 'GRISTMILL_INSECURE takes true or false'],
    [
      { file: { slots: '3' } },
      'config-invalid',
      'gristmill.json takes a whole number from 1 to 256, not the string "3"',
    ],
    [{ file: { insecure: 1 } }, 'config-invalid', '"insecure" in '],
    [{ file: '[]' }, 'config-invalid', 'it is not a JSON object'],
    [{ file: '{' }, 'config-invalid', 'named by --config'],
    [{ flags: { config: '/nowhere/c.json' } }, 'config-invalid', 'ENOENT'],
  ] as const)('%j is refused saying where it came from', (parts, code, says) => {
    const error = refusal(workerSchema, parts);
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
  });

  test('what is printed has each value with its origin, and no secret', () => {
    const schema = {
      ...workerSchema,
      password: option<string | undefined>(word, undefined, { doc: 'A secret.', isSecret: true }),
    };
    const flags = { slots: '4', password: 'hunter2', memory: '1.5GiB', printConfig: true };
    const printed = printConfig(loadConfig(schema, sources({ flags })));
    expect(printed).toMatch(/^slots +4 +\(--slots\)$/m);
    expect(printed).toMatch(/^memory +1536MiB +\(--memory\)$/m);
    expect(printed).toMatch(/^coordinator +127\.0\.0\.1:7070 +\(default\)$/m);
    expect(printed).toMatch(/^password +<set> +\(--password\)$/m);
    expect(printed).not.toContain('hunter2');
    expect(printed).not.toContain('printConfig');
  });

  test('a wrong secret is not repeated', () => {
    const schema = { password: option<string | undefined>(word, undefined, { doc: 'A secret.', isSecret: true }) };
    expect(refusal(schema, { flags: { password: 'hunter 2' } }).message).not.toContain('hunter');
  });

  test('an option of several commands is the same in each', () => {
    for (const schema of [coordinatorSchema, workerSchema, clientSchema]) {
      for (const [name, shared] of Object.entries(schema)) expect((wholeSchema as Schema)[name]).toBe(shared);
    }
  });
});
