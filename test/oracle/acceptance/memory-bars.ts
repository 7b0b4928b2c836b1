/** How much memory the processes of a job may hold, whatever the data. */
import type { ProcessPeak } from '../../../bench/resident.js';
import type { JobResult } from './job-run.js';
import type { Verdicts } from './verdicts.js';

const MiB = 1024 * 1024;
/** Beside the budget of its kernel, an executor holds Node, two threads' heaps, the ring, and what user code allocates. */
const executorBesideBudgetBytesMax = 250 * MiB;
/** The command hosts agent and coordinator. */
const commandBytesMax = 300 * MiB;

/** Finds too little where executors lived for less than two looks at them: then the measurement judges nothing. */
export function judgeMemory(verdicts: Verdicts, run: string, { measurement }: JobResult, budgetBytes: number): void {
  const peaks = (role: ProcessPeak['role']) =>
    measurement.processes.filter((process) => process.role === role).map(({ peakBytes }) => peakBytes);
  const figures = (bytes: readonly number[]) => `${bytes.map((peak) => (peak / MiB).toFixed(0)).join(', ')} MiB`;
  const executors = peaks('executor');
  const executorBytesMax = budgetBytes + executorBesideBudgetBytesMax;
  verdicts.judge(
    `${run}: each executor holds at most ${executorBytesMax / MiB} MiB`,
    executors.length > 0 && executors.every((peak) => peak <= executorBytesMax),
    `${executors.length} executors: ${figures(executors)}`,
  );
  const command = peaks('command');
  verdicts.judge(
    `${run}: the process of command, coordinator and agent holds at most ${commandBytesMax / MiB} MiB`,
    command.length > 0 && command.every((peak) => peak <= commandBytesMax),
    figures(command),
  );
}
