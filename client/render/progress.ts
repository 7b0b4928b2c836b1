/** Progress as text: bars for a terminal, and one line for everything else. */
import type { Style } from './style.js';
import { harmless, paint } from './style.js';
import { formatBytes, formatCount, formatDuration, formatRemaining } from '../../shared/figures.js';
import { fractionOf, rateOf, remainingMs, type JobView, type StageView } from './view.js';

const BAR_MAX = 28;
const BAR_MIN = 8;
const NAME_WIDTH = 7;

/** A line for each stage, none wider than `width`, and one for what the job does when no stage runs. */
export function progressLines(view: JobView, width: number, nowMs: number, style: Style): string[] {
  const lines = stageLines(view, width, nowMs, style);
  const sentence = standing(view);
  if (sentence !== '') lines.push(paint(style, 'dim', sentence.slice(0, width)));
  return lines;
}

export function stageLines(view: JobView, width: number, nowMs: number, style: Style): string[] {
  return view.stages.map((stage) => barLine(stage, width, nowMs, style));
}

/** `4.00 s: map 58 %, 3 of 7 tasks, ...`: everything in one line, for logs. */
export function progressLine(view: JobView, nowMs: number): string {
  const parts = view.stages.map((stage) => {
    const { tasks, tasksDone, records, bytesDone, bytesTotal } = stage.progress;
    const figures = [
      `${stage.progress.stage} ${percent(stage)}`,
      `${tasksDone} of ${tasks} tasks`,
      `${formatCount(records)} records`,
      `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
      ...closing(stage, nowMs),
    ];
    return figures.join(', ');
  });
  const sentence = standing(view);
  if (sentence !== '') parts.push(sentence);
  return `${formatDuration(nowMs - view.beganMs)}: ${parts.join('; ')}`;
}

/** What the job does or waits for while no stage says so. */
function standing(view: JobView): string {
  const because = view.reason === '' ? '' : `: ${harmless(view.reason)}`;
  switch (view.state) {
    case undefined:
      return view.stages.length === 0 ? 'starting' : '';
    case 'validating':
    case 'queued':
    case 'committing':
      return view.state + because;
    case 'in_progress':
      return view.stages.length === 0 ? `in progress${because}` : '';
    case 'completed':
    case 'partial_success':
    case 'failed':
    case 'expired':
    case 'cancelled':
    case 'archived':
      return '';
  }
}

function barLine(stage: StageView, width: number, nowMs: number, style: Style): string {
  const { stage: name, records, bytesDone } = stage.progress;
  const head = harmless(name).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH);
  // By importance: what does not fit is left out from the end.
  const wanted = [
    percent(stage).padStart(5),
    ...closing(stage, nowMs),
    `${formatCount(records)} records`,
    formatBytes(bytesDone),
  ];
  const rate = rateOf(stage, nowMs);
  if (rate !== undefined) wanted.push(`${formatBytes(rate)}/s`);
  let tail = '';
  for (const figure of wanted) {
    const longer = tail === '' ? figure : `${tail}  ${figure}`;
    if (head.length + BAR_MIN + 2 + longer.length <= width) tail = longer;
  }
  const room = Math.min(BAR_MAX, width - head.length - tail.length - 2);
  if (room < BAR_MIN) return `${head}${tail}`.slice(0, width);
  return `${head}${bar(fractionOf(stage.progress), room, style)}  ${tail}`;
}

function bar(fraction: number, width: number, style: Style): string {
  const filled = Math.floor(fraction * width);
  const [full, empty] = style.unicode ? ['█', '░'] : ['#', '-'];
  return paint(style, 'green', full.repeat(filled)) + paint(style, 'dim', empty.repeat(width - filled));
}

/** Never 100 % before the end. */
function percent(stage: StageView): string {
  return `${Math.floor(fractionOf(stage.progress) * 100)} %`;
}

function closing(stage: StageView, nowMs: number): string[] {
  if (stage.endedMs !== undefined) return [`in ${formatDuration(stage.endedMs - stage.beganMs)}`];
  const remaining = remainingMs(stage, nowMs);
  return remaining === undefined ? [] : [`${formatRemaining(remaining)} left`];
}
