/** deploy/secrets.sh: what is there stays, and what certificates lack comes. */
import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository, Workplace } from '../../harness/command.js';
import { hasOpenssl } from '../../harness/openssl.js';

describe.skipIf(!hasOpenssl)('deploy/secrets.sh', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => {
    place.remove();
  });

  const path = (name: string) => join(place.path('secrets'), name);
  const contentOf = (name: string) => readFileSync(path(name), 'utf8');
  const contents = () => Object.fromEntries(readdirSync(place.path('secrets')).map((name) => [name, contentOf(name)]));
  const certificate = (service: string) => new X509Certificate(contentOf(`${service}.crt`));
  function make(...names: readonly string[]): void {
    execFileSync(join(repository, 'deploy/secrets.sh'), ['--folder', place.path('secrets'), ...names]);
  }

  test('leaves everything as it is when it is run again', () => {
    make('fleet.example.com');
    appendFileSync(path('access'), 'submit somebody sha256:00\n');
    const before = contents();
    make();
    make('fleet.example.com');
    expect(contents()).toEqual(before);
  });

  test('gives certificates the names that they lack, in the files that containers have', () => {
    make('fleet.example.com');
    const before = statSync(path('coordinator.crt')).ino;
    make('192.0.2.7');
    expect(statSync(path('coordinator.crt')).ino).toBe(before);
    for (const service of ['coordinator', 'store']) {
      const found = certificate(service);
      for (const name of [service, `${service}.gristmill.svc`, 'localhost', 'fleet.example.com'])
        expect(found.checkHost(name), name).toBe(name);
      for (const address of ['127.0.0.1', '192.0.2.7']) expect(found.checkIP(address)).toBe(address);
      expect(found.checkPrivateKey(createPrivateKey(contentOf(`${service}.key`)))).toBe(true);
      expect(found.checkIssued(new X509Certificate(contentOf('authority.crt')))).toBe(true);
    }
  });

  test('makes a token anew that was taken away, whose old hash lets nobody in any more', () => {
    make();
    const lines = () => contentOf('access').trimEnd().split('\n');
    const before = lines();
    rmSync(path('submit.token'));
    make();
    expect(lines().slice(0, 2)).toEqual(before.slice(0, 2));
    expect(lines()).toHaveLength(3);
    expect(lines()[2]).toMatch(/^submit submit sha256:/);
    expect(lines()[2]).not.toBe(before[2]);
  });

  test('opens to others nothing but what they are to read', () => {
    make();
    const open = readdirSync(place.path('secrets')).filter((name) => (statSync(path(name)).mode & 0o077) !== 0);
    expect(open.sort()).toEqual(['authority.crt', 'grafana-password', 'prometheus.token']);
    expect(statSync(place.path('secrets')).mode & 0o077).toBe(0);
  });
});
