/**
 * Rejections and exceptions that no `await` saw, of jobs that run in this process: each goes to the job whose code caused
 * it, as an executor would find it. All others go where they would have gone, for the process is the test runner's.
 *
 * While a job runs, the listeners of the runner are behind one of ours, so that what fails the job is not reported a second
 * time as nobody's; the last job to end puts them back.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Strays } from '../../worker/task/strays.js';

type Listener = (...args: unknown[]) => void;

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;
const causedBy = new AsyncLocalStorage<Strays>();
const displaced = new Map<string, Listener[]>();
const ours = new Map<string, Listener>();
const running = new Set<Strays>();

/** Runs what a job does; until `ended`, what strays from it is the job's. */
export function watchStrays<T>(strays: Strays, action: () => Promise<T>): Promise<T> {
  running.add(strays);
  if (running.size === 1) for (const event of EVENTS) stepInFront(event);
  return causedBy.run(strays, action).finally(() => {
    running.delete(strays);
    if (running.size === 0) for (const event of EVENTS) stepAside(event);
  });
}

function stepInFront(event: (typeof EVENTS)[number]): void {
  const others = process.rawListeners(event) as Listener[];
  displaced.set(event, others);
  for (const listener of others) process.off(event, listener);
  const listener: Listener = (thrown, ...rest) => {
    const strays = causedBy.getStore();
    if (strays !== undefined && running.has(strays)) {
      strays.catch(thrown);
      return;
    }
    // Without a listener it ends the process, as it would if no job ran.
    if (others.length === 0) throw thrown;
    for (const other of others) other.call(process, thrown, ...rest);
  };
  ours.set(event, listener);
  process.on(event, listener);
}

function stepAside(event: (typeof EVENTS)[number]): void {
  const listener = ours.get(event);
  if (listener !== undefined) process.off(event, listener);
  for (const other of displaced.get(event) ?? []) process.on(event, other);
  displaced.delete(event);
  ours.delete(event);
}
