/** npm as a user has it: none of the variables of the npm that runs these tests, but its registry and cache. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const kept =
  /^npm_config_(registry|cache|userconfig|globalconfig|prefer_offline|offline|cafile|https?_proxy|noproxy)$/i;

function environment(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env).filter(
    ([name]) => kept.test(name) || !/^(npm_|INIT_CWD$|NODE_ENV$|VITEST)/i.test(name),
  );
  return Object.fromEntries(variables);
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end in a folder; fails with what it printed unless it exits with 0. */
export async function run(cwd: string, program: string, ...args: readonly string[]): Promise<Output> {
  try {
    return await promisify(execFile)(program, args, { cwd, env: environment(), maxBuffer: 64 * 1024 * 1024 });
  } catch (thrown) {
    const { stdout = '', stderr = '' } = thrown as Partial<Output>;
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: thrown });
  }
}

export const quiet = ['--loglevel=error', '--prefer-offline', '--no-audit', '--no-fund'] as const;
