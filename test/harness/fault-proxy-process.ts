/** Starts a fault proxy as a process of its own, and waits until it serves. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { repository, type Running } from './command.js';
import type { FaultProxyOptions } from './fault-proxy.js';
import { RemoteFaultProxy, type Endpoints } from './fault-proxy/control.js';

const program = [process.execPath, join(repository, 'scripts/run-ts.mjs')];

/** `start` starts a command, wherever it is to run: `Workplace.start`, or one in a namespace. */
export async function startFaultProxy(
  start: (args: readonly string[], command: readonly string[]) => Running,
  options: FaultProxyOptions,
): Promise<RemoteFaultProxy> {
  const main = join(repository, 'test/harness/fault-proxy/main.ts');
  const running = start([main, JSON.stringify(options)], program);
  const { stdout } = running.child;
  if (!stdout) throw new Error('the fault proxy has no standard output');
  const failed = running.ended.then(({ stderr }) => {
    throw new Error(`the fault proxy ended before it was ready: ${stderr}`);
  });
  const [line] = (await Promise.race([once(createInterface(stdout), 'line'), failed])) as [string];
  failed.catch(() => undefined);
  return new RemoteFaultProxy(JSON.parse(line) as Endpoints, async () => {
    running.child.stdin?.end();
    await running.ended;
  });
}
