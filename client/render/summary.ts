/** The end of a job as text: what it did, whether it balances, and where everything is. */
import { outputNames, storeKeys } from '../../shared/plan.js';
import type { Job } from '../job-types.js';
import { failureLine } from './failure.js';
import { harmless, paint, type Style } from './style.js';
import { formatBytes, formatCount, formatDuration, plural } from '../../shared/figures.js';

/** Where a run keeps things, ready to print. */
export interface Places {
  /** A path or URI as a person would write it here. */
  display(uri: string): string;
  /** The root of the private store, as URI without a final slash; undefined: a coordinator has it elsewhere. */
  readonly storeUri: string | undefined;
}

const LABEL_WIDTH = 11;

/** The one line of `--quiet`, and the first of the summary. */
export function finalLine(job: Job, elapsedMs: number, places: Places): string {
  const elapsed = formatDuration(elapsedMs);
  const name = harmless(job.name);
  if (isPublished(job)) {
    const figures = `${plural(job.counts.recordsRead, 'record')}, ${plural(job.counts.rows, 'row')}`;
    return `${stateWord(job)}: ${name}, ${figures} in ${places.display(job.output)} (${elapsed})`;
  }
  const why = job.failure ? failureLine(job.failure) : harmless(job.reason);
  return `${stateWord(job)}: ${name}${why === '' ? '' : `, ${why}`} (${elapsed})`;
}

/** The whole summary; why a job failed is said apart, on stderr. */
export function summaryLines(job: Job, elapsedMs: number, places: Places, style: Style): string[] {
  const published = isPublished(job);
  const head = `${paint(style, published ? 'green' : 'red', stateWord(job))}  ${paint(style, 'bold', harmless(job.name))}`;
  const lines = [`${head} in ${formatDuration(elapsedMs)}`];
  const row = (label: string, text: string) => lines.push(`  ${label.padEnd(LABEL_WIDTH)}${text}`);
  if (!published && job.reason !== '' && !saysFailure(job)) row('because', harmless(job.reason));
  if (job.counts.recordsRead > 0 || published) countRows(job, row);
  row('attempts', `${formatCount(job.failedAttempts)} failed`);
  const laws = job.balance.split('\n').filter((line) => line.trim() !== '');
  laws.forEach((law, index) => row(index === 0 ? 'balance' : '', harmless(law.trim())));
  placeRows(job, places, row);
  return lines;
}

/** A dry run's outcome: nothing ran, so there is nothing to count. */
export function dryRunLine(job: Job): string {
  return `planned: ${harmless(job.name)}; nothing was run, claimed or written`;
}

export function isPublished(job: Job): boolean {
  return job.state === 'completed' || job.state === 'partial_success';
}

/** A failed job's reason is its failure, which is told in full elsewhere. */
function saysFailure(job: Job): boolean {
  return job.failure !== undefined && job.reason.includes(job.failure.message);
}

function stateWord(job: Job): string {
  return job.state.replace('_', ' ');
}

function countRows(job: Job, row: (label: string, text: string) => void): void {
  const counts = job.counts;
  const parts = [`${formatCount(counts.recordsRead)} read`, `${formatCount(counts.recordsMapped)} mapped`];
  if (counts.recordsFiltered > 0) parts.push(`${formatCount(counts.recordsFiltered)} filtered`);
  if (counts.recordsBad > 0) parts.push(`${formatCount(counts.recordsBad)} bad`);
  row('records', parts.join(', '));
  row('emitted', formatCount(counts.emitted));
  row('rows', `${formatCount(counts.rows)} in ${plural(job.parts.length, 'part file')}`);
  const shuffled = counts.bytesShuffled > 0 ? `, ${formatBytes(counts.bytesShuffled)} shuffled` : '';
  const spilled = counts.bytesSpilled > 0 ? `, ${formatBytes(counts.bytesSpilled)} spilled to local disk` : '';
  row(
    'bytes',
    `${formatBytes(counts.bytesRead)} read${shuffled}${spilled}, ${formatBytes(counts.bytesWritten)} written`,
  );
  if (counts.inexact > 0) row('inexact', inexactLine(counts.inexact));
  const own = Object.entries(counts.user).sort(([a], [b]) => (a < b ? -1 : 1));
  own.forEach(([name, count], index) =>
    row(index === 0 ? 'counters' : '', `${harmless(name)} = ${formatCount(count)}`),
  );
}

function inexactLine(sums: number): string {
  const are = sums === 1 ? 'is past 2^53 and was' : 'are past 2^53 and were';
  return `${plural(sums, 'sum')} ${are} rounded to the nearest number that JavaScript has`;
}

function placeRows(job: Job, places: Places, row: (label: string, text: string) => void): void {
  const output = job.output.replace(/\/$/, '');
  const below = (name: string) => places.display(`${output}/${name}`);
  if (isPublished(job)) {
    row('result', below(''));
    row('error file', job.counts.recordsBad > 0 ? below(outputNames.errors) : 'none: no record failed');
    row('audit log', below(outputNames.audit));
  } else {
    row('result', 'none: nothing was published');
    const key = storeKeys.audit(job.job);
    const isHere = places.storeUri !== undefined;
    row('audit log', isHere ? places.display(`${places.storeUri}/${key}`) : `${key} in the coordinator's store`);
  }
  if (places.storeUri !== undefined) row('store', places.display(places.storeUri));
}
