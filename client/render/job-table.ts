/** Jobs as text: a table of many, and one in full. */
import { formatBytes, formatCount, formatDuration, plural } from '../../shared/figures.js';
import type { Job } from '../job-types.js';
import { failureLine } from './failure.js';
import { harmless } from './style.js';
import { fractionOf } from './view.js';

const HEAD = ['job', 'state', 'name', 'submitted', 'took', 'records', 'rows', 'because'];
const NAME_MAX = 32;
const REASON_MAX = 60;

/** Columns as wide as what is in them; the last one is not filled up. */
export function jobRows(jobs: readonly Job[], nowMs: number): string[] {
  if (jobs.length === 0) return [];
  const rows = [HEAD, ...jobs.map((job) => rowOf(job, nowMs))];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function rowOf(job: Job, nowMs: number): string[] {
  return [
    job.job,
    stateOf(job),
    cut(harmless(job.name), NAME_MAX),
    timeOf(job.submittedAtMs),
    formatDuration((job.endedAtMs ?? nowMs) - job.submittedAtMs),
    formatCount(job.counts.recordsRead),
    formatCount(job.counts.rows),
    job.state === 'completed' ? '' : cut(reasonOf(job), REASON_MAX),
  ];
}

/** With how far its last stage is, where one runs. */
function stateOf(job: Job): string {
  const stage = job.stages.at(-1);
  const state = job.state.replace('_', ' ');
  if (job.state !== 'in_progress' || !stage) return state;
  return `${stage.stage} ${Math.floor(fractionOf(stage) * 100)} %`;
}

function reasonOf(job: Job): string {
  return job.failure ? failureLine(job.failure) : (harmless(job.reason).split('\n')[0] ?? '');
}

/** The same everywhere, and sortable: UTC. */
function timeOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}

const LABEL_WIDTH = 13;

/** Everything that the coordinator says of one job. */
export function jobLines(job: Job, nowMs: number, display: (uri: string) => string): string[] {
  const lines: string[] = [];
  const row = (label: string, text: string) => lines.push(label.padEnd(LABEL_WIDTH) + text);
  row('job', job.job);
  row('name', harmless(job.name));
  row('state', job.state.replace('_', ' '));
  if (reasonOf(job) !== '') row('because', reasonOf(job));
  row('submitted', timeOf(job.submittedAtMs));
  if (job.endedAtMs !== undefined) row('ended', timeOf(job.endedAtMs));
  row('took', formatDuration((job.endedAtMs ?? nowMs) - job.submittedAtMs));
  for (const { stage, tasks, tasksDone, tasksRunning, records, bytesDone } of job.stages) {
    const running = tasksRunning > 0 ? `, ${formatCount(tasksRunning)} running` : '';
    const done = `${formatCount(tasksDone)} of ${plural(tasks, 'task')}${running}`;
    row(stage, `${done}, ${plural(records, 'record')}, ${formatBytes(bytesDone)}`);
  }
  row('records', `${formatCount(job.counts.recordsRead)} read, ${formatCount(job.counts.recordsBad)} bad`);
  row('rows', `${formatCount(job.counts.rows)} in ${plural(job.parts.length, 'part file')}`);
  row('attempts', `${formatCount(job.failedAttempts)} failed`);
  const laws = job.balance.split('\n').filter((line) => line.trim() !== '');
  laws.forEach((law, index) => row(index === 0 ? 'balance' : '', harmless(law.trim())));
  if (job.output !== '') row('output', display(job.output));
  row('code', job.codeVersion);
  return lines;
}
