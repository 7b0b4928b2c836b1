/**
 * A Python with the packages that the example names, in a cache outside the checkout: made once for each list of packages.
 * Where there is no Python the tests of the example are skipped, with a line that says so; with `TEST_REQUIRE_PYTHON=1` they fail.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { repository, type Workplace } from './command.js';

const pythonExample = join(repository, 'examples/python');

const hasPython = spawnSync('python3', ['--version']).status === 0;
const isRequired = process.env['TEST_REQUIRE_PYTHON'] === '1';

if (!hasPython && !isRequired) console.warn('no python3 here: the tests of the example in Python are skipped');

/** Whether the suite runs; when it is required it runs, and says what is missing. */
export const runsPython = hasPython || isRequired;

/** The interpreter. A mark beside the environment says that it is whole: one that was interrupted is made again. */
export function pythonWithPackages(): string {
  const requirements = readFileSync(join(pythonExample, 'requirements.txt'));
  const hash = createHash('sha256').update(requirements).digest('hex').slice(0, 16);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'gristmill');
  const folder = join(cache, `python-${hash}`);
  const python = join(folder, 'bin/python');
  if (existsSync(`${folder}.whole`)) return python;
  mkdirSync(cache, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  run('python3', ['-m', 'venv', folder]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt']);
  writeFileSync(`${folder}.whole`, '');
  return python;
}

function run(program: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: pythonExample, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} fails: ${stdout}${stderr}`);
}

/** Copies the programs to `python/` of the place, and makes their modules by the command of their README. */
export async function preparePrograms(place: Workplace, python: string): Promise<void> {
  const isProgram = (path: string) => !/generated|__pycache__|\.venv/.test(path);
  cpSync(pythonExample, place.path('python'), { recursive: true, filter: isProgram });
  const readme = readFileSync(join(pythonExample, 'README.md'), 'utf8');
  const command = /^\.venv\/bin\/python (-m grpc_tools\.protoc .+)$/m.exec(readme)?.[1] ?? '';
  const args = command
    .replace('../../proto', join(repository, 'proto'))
    .replaceAll(/ generated( |$)/g, ' python/generated$1');
  mkdirSync(place.path('python/generated'));
  const { code, stderr } = await place.start(args.split(' '), [python]).ended;
  if (code !== 0) throw new Error(`the modules of the protocol cannot be made: ${stderr}`);
}
