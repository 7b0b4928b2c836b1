import { describe, expect, test } from 'vitest';
import { validateParams, validateRecord } from '../../../shared/job/definition.js';
import type { Schema, SchemaResult } from '../../../shared/job/schema.js';

function schemaOf(
  validate: (value: unknown) => SchemaResult<unknown> | Promise<SchemaResult<unknown>>,
): Schema<unknown> {
  return { '~standard': { version: 1, validate } };
}

describe('parameters', () => {
  test('without a schema are none', async () => {
    expect(await validateParams(undefined, {})).toEqual({});
    await expect(validateParams(undefined, { max: 1 })).rejects.toMatchObject({
      code: 'params-invalid',
      message: "unknown parameter 'max': the definition has no 'params'",
    });
  });

  test.each([
    ['synchronous', schemaOf((value) => ({ value: { ...(value as object), extra: true } }))],
    ['asynchronous', schemaOf(async (value) => ({ value: { ...(value as object), extra: true } }))],
  ])('are what a %s schema returns', async (_name, schema) => {
    expect(await validateParams(schema, { max: 1 })).toEqual({ max: 1, extra: true });
  });

  test('that are wrong are named by their paths', async () => {
    const issues = [{ message: 'Expected number', path: ['limits', { key: 'max' }] }, { message: 'too few' }];
    await expect(
      validateParams(
        schemaOf(() => ({ issues })),
        {},
      ),
    ).rejects.toMatchObject({
      code: 'params-invalid',
      message: "wrong parameters: 'limits.max': Expected number; too few",
    });
  });

  test('of a schema that throws fail as parameters', async () => {
    const broken = schemaOf(() => {
      throw new Error('boom');
    });
    await expect(validateParams(broken, {})).rejects.toMatchObject({ code: 'params-invalid', message: /boom/ });
  });

  test.each([
    ['a Date', { since: new Date(0) }, 'params.since is a Date'],
    ['a Map', { a: [{ b: new Map() }] }, 'params.a.0.b is an object'],
    ['NaN', { n: NaN }, 'params.n is the number NaN'],
    ['a bigint', { n: 1n }, 'params.n is the bigint 1'],
    ['undefined in a list', { n: [undefined] }, 'params.n.0 is undefined'],
    ['nothing', undefined, 'params is undefined'],
  ])('that JSON would change are refused: %s', async (_name, value, message) => {
    await expect(
      validateParams(
        schemaOf(() => ({ value })),
        {},
      ),
    ).rejects.toMatchObject({
      code: 'params-invalid',
      message: expect.stringContaining(message) as unknown,
    });
  });

  test('that are left out stay out', async () => {
    const value = { a: undefined, list: [1, 'x', null, true], nested: Object.create(null) as object };
    expect(
      await validateParams(
        schemaOf(() => ({ value })),
        {},
      ),
    ).toBe(value);
  });
});

describe('a record', () => {
  test('is what the schema returns, without a promise where the schema needs none', async () => {
    expect(
      validateRecord(
        schemaOf((value) => ({ value: [value] })),
        1,
      ),
    ).toEqual([1]);
    expect(
      await validateRecord(
        schemaOf(async (value) => ({ value: [value] })),
        1,
      ),
    ).toEqual([1]);
  });

  test('that does not fit is refused with the path', async () => {
    const issues = [{ message: 'Required', path: ['id'] }];
    const refusal = { code: 'record-invalid', message: "the record does not fit the schema: 'id': Required" };
    expect(() =>
      validateRecord(
        schemaOf(() => ({ issues })),
        {},
      ),
    ).toThrow(expect.objectContaining(refusal) as Error);
    await expect(
      validateRecord(
        schemaOf(async () => ({ issues })),
        {},
      ),
    ).rejects.toMatchObject(refusal);
  });
});
