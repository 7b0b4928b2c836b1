/** The law of the configuration: the first of flag, variable, file and default that is there, whatever the others are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../shared/config/resolve.js';
import { workerSchema } from '../../../shared/config/schema.js';

let file: string;
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'gristmill-config-')), 'c.json');
});
afterAll(() => {
  rmSync(join(file, '..'), { recursive: true });
});

const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const given = fc.record({
  slots: fc.tuple(...[0, 1, 2].map(() => maybe(fc.integer({ min: 1, max: 256 })))),
  drainMs: fc.tuple(...[0, 1, 2].map(() => maybe(fc.integer({ min: 0, max: 3_600_000 })))),
  insecure: fc.tuple(maybe(fc.constant(true)), maybe(fc.boolean()), maybe(fc.boolean())),
});

const variables = { slots: 'GRISTMILL_SLOTS', drainMs: 'GRISTMILL_DRAIN_MS', insecure: 'GRISTMILL_INSECURE' } as const;
const defaults = { slots: undefined, drainMs: 20_000, insecure: false } as const;

test('each option has the first value of flag, variable, file and default, independent of every other option', () => {
  fc.assert(
    fc.property(given, (options) => {
      const flags: Record<string, unknown> = { config: file };
      const environment: Record<string, string> = {};
      const written: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const name of ['slots', 'drainMs', 'insecure'] as const) {
        const [flag, variable, key] = options[name];
        if (flag !== undefined) flags[name] = flag === true ? true : String(flag);
        if (variable !== undefined) environment[variables[name]] = String(variable);
        if (key !== undefined) written[name] = key;
        expected[name] = flag ?? variable ?? key ?? defaults[name];
      }
      writeFileSync(file, JSON.stringify(written));
      const { slots, drainMs, insecure } = loadConfig(workerSchema, { flags, environment, directory: '/' }).values;
      expect({ slots, drainMs, insecure }).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});
