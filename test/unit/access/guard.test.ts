/** Which token may call what: against a table of its own, for every method that there is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccessGuard, type Grants } from '../../../coordinator/access/guard.js';
import { neededFor } from '../../../coordinator/access/needed-role.js';
import { OWNER, ROLES, tokenDigest, type Grant, type Role } from '../../../shared/access.js';
import { GristmillError } from '../../../shared/errors.js';
import { JobService, WorkerService } from '../../../shared/wire/load.js';

const served = [JobService, WorkerService].flatMap(({ service }) => Object.values(service).map(({ path }) => path));

const looking = ['GetJob', 'ListJobs', 'WatchJob', 'GetLogs'].map((name) => `/gristmill.v1.JobService/${name}`);
const changing = ['UploadBundle', 'SubmitJob', 'CancelJob'].map((name) => `/gristmill.v1.JobService/${name}`);
const session = '/gristmill.v1.WorkerService/Session';
const may: Readonly<Record<Role, readonly string[]>> = {
  read: [...looking, '/metrics'],
  submit: [...looking, ...changing, '/metrics'],
  worker: [session],
  admin: [...looking, ...changing, session, '/metrics'],
};

const granting = (current: () => readonly Grant[]): Grants => ({
  get current() {
    return current();
  },
  onChange: () => undefined,
});

function outcome(guard: AccessGuard, path: string, authorization: string | undefined) {
  try {
    return guard.check(path, authorization);
  } catch (thrown) {
    return GristmillError.from(thrown).code;
  }
}

const reflection = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

describe('what a call needs', () => {
  test('is known of every method of every service', () => {
    expect(served.length).toBeGreaterThan(7);
    expect(served.filter((path) => neededFor(path) === undefined)).toEqual([]);
    expect([...looking, ...changing, session].sort()).toEqual([...served].sort());
  });

  test('is more than anybody has for a method that is not in the table, or that is a name of JavaScript', () => {
    for (const path of ['/gristmill.v1.JobService/DropAll', 'constructor', '__proto__', '']) {
      expect(outcome(new AccessGuard('t'), path, 'Bearer t')).toBe('permission-denied');
      expect(outcome(new AccessGuard('t'), path, undefined)).toBe('unauthenticated');
    }
  });

  test('is nothing for the health of the coordinator, and a token for everything else', () => {
    const guard = new AccessGuard('t');
    expect(outcome(guard, '/healthz', undefined)).toBeUndefined();
    expect(outcome(guard, '/grpc.health.v1.Health/Check', undefined)).toBeUndefined();
    for (const path of [...served, ...reflection, '/metrics'])
      expect(outcome(guard, path, undefined)).toBe('unauthenticated');
  });
});

describe('a token', () => {
  const tokens = fc.uniqueArray(fc.stringMatching(/^[\x21-\x7e]{1,40}$/), { minLength: 2, maxLength: 8 });
  const role = fc.constantFrom(...ROLES);

  test('may do what its role may do, and no other token may do anything', () => {
    const paths = [...served, '/metrics'];
    const many = fc.tuple(tokens, fc.array(role, { minLength: 8, maxLength: 8 }), fc.constantFrom(...paths), fc.nat(8));
    fc.assert(
      fc.property(many, ([[own = '', ...others], roles, path, pick]) => {
        const grants = others.map((token, i): Grant => {
          return { role: roles[i] ?? 'read', name: `n${i}`, sha256: tokenDigest(token) };
        });
        const guard = new AccessGuard(
          own,
          granting(() => grants),
        );
        expect(outcome(guard, path, `Bearer ${own}`)).toEqual({ name: OWNER, role: 'admin' });
        others.forEach((token, i) => {
          const has = roles[i] ?? 'read';
          const expected = may[has].includes(path) ? { name: `n${i}`, role: has } : 'permission-denied';
          expect(outcome(guard, path, `Bearer ${token}`)).toEqual(expected);
        });
        const chosen = [own, ...others][pick % (others.length + 1)] ?? own;
        for (const wrong of [
          chosen,
          `Bearer  ${chosen}`,
          `Bearer ${chosen} `,
          `Bearer ${chosen},${chosen}`,
          'Bearer ',
        ]) {
          const isToken = [own, ...others].some((token) => wrong === `Bearer ${token}`);
          if (!isToken) expect(outcome(guard, path, wrong)).toBe('unauthenticated');
        }
        const longer = `${chosen}x`;
        if (![own, ...others].includes(longer))
          expect(outcome(guard, path, `Bearer ${longer}`)).toBe('unauthenticated');
      }),
    );
  });

  test('that is too weak is told the role that is needed, and neither its own text nor that of another', () => {
    const guard = new AccessGuard(
      'own-secret',
      granting(() => [{ role: 'read', name: 'eve', sha256: tokenDigest('eves-secret') }]),
    );
    const attempt = () => guard.check('/gristmill.v1.JobService/SubmitJob', 'Bearer eves-secret');
    expect(attempt).toThrow(/^the token of eve has the role read, and \S+SubmitJob needs the role submit$/);
  });

  test('counts from when it is in the list to when it is not', () => {
    let grants: readonly Grant[] = [];
    const guard = new AccessGuard(
      'own',
      granting(() => grants),
    );
    const path = '/gristmill.v1.JobService/GetJob';
    expect(outcome(guard, path, 'Bearer new')).toBe('unauthenticated');
    grants = [{ role: 'read', name: 'n', sha256: tokenDigest('new') }];
    expect(outcome(guard, path, 'Bearer new')).toEqual({ name: 'n', role: 'read' });
    grants = [];
    expect(outcome(guard, path, 'Bearer new')).toBe('unauthenticated');
  });
});
