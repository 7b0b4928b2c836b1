/** Docker, asked for by its command alone. */
import { execFile, execFileSync } from 'node:child_process';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** An engine answers, and its command has Compose. */
export const hasDocker = isThere();

function isThere(): boolean {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    execFileSync('docker', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What the command prints on standard output; rejects with all it said when it fails. */
export function run(
  command: string,
  args: readonly string[],
  { directory, variables = {} }: { readonly directory: string; readonly variables?: NodeJS.ProcessEnv },
): Promise<string> {
  const options = { cwd: directory, env: { ...process.env, ...variables }, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve, reject) => {
    execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`));
    });
  });
}
