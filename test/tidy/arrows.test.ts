/** Folders say the architecture and arrows go one way: docs/architecture.md. */
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderOf, importsOf, report, sourceFiles, type Finding, type SourceFolder } from './checkout.js';

const mayImport: Record<SourceFolder, readonly SourceFolder[]> = {
  proto: ['proto'],
  shared: ['shared', 'proto'],
  coordinator: ['coordinator', 'shared', 'proto'],
  worker: ['worker', 'shared', 'proto'],
  client: ['client', 'shared', 'proto'],
};

/** The composition roots of `gristmill run`, of standing processes and of `gristmill/testing`, the places where coordinator and worker meet. */
const composes = /^client\/(run|standing|testing)\//;

const outsidePorts = /^(node:(?!assert$)|@grpc\/|minio$|pino$|esbuild$|commander$)/;

function target(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : undefined;
}

function againstArrows(file: string): Finding[] {
  const from = folderOf(file);
  if (from === undefined) return [];
  const allowed = composes.test(file) ? [...mayImport[from], 'coordinator', 'worker'] : mayImport[from];
  return importsOf(file).flatMap(({ specifier, line }) => {
    const path = target(file, specifier);
    if (path === undefined) return [];
    const to = folderOf(path);
    if (to !== undefined && allowed.includes(to)) return [];
    return [{ file, line, says: `${from} must not import ${path}` }];
  });
}

function impure(file: string): Finding[] {
  return importsOf(file).flatMap(({ specifier, line }) => {
    const path = target(file, specifier);
    if (path === undefined) {
      return outsidePorts.test(specifier) ? [{ file, line, says: `the scheduler is pure: no ${specifier}` }] : [];
    }
    const stays = path.startsWith('coordinator/scheduler/') || path.startsWith('shared/');
    return stays ? [] : [{ file, line, says: `the scheduler is pure: no ${path}` }];
  });
}

describe('the arrows of the house', () => {
  test('an import goes from client, coordinator and worker to shared, and from shared to proto', () => {
    expect(sourceFiles.length).toBeGreaterThan(0);
    expect(report(sourceFiles.flatMap(againstArrows))).toEqual([]);
  });

  test('the scheduler imports nothing that does I/O', () => {
    const scheduler = sourceFiles.filter((file) => file.startsWith('coordinator/scheduler/'));
    expect(report(scheduler.flatMap(impure))).toEqual([]);
  });

  test('a relative import ends in .js, as Node needs it', () => {
    const findings = sourceFiles.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith('.') && !/\.(js|json)$/.test(specifier))
        .map(({ specifier, line }) => ({ file, line, says: `import ${specifier} without .js` })),
    );
    expect(report(findings)).toEqual([]);
  });
});
