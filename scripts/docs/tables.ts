/**
 * The tables of docs/reference, made from the code: what stands between a document's markers is replaced, the prose
 * around them is kept. `npm run docs` writes them; test/tidy compares.
 */
import ts from 'typescript';
import { METRICS } from '../../coordinator/http/metric-list.js';
import { WORKER_METRICS } from '../../worker/http/metric-list.js';
import { ERRORS, type ErrorCode } from '../../shared/errors.js';
import type { MetricSpecs } from '../../shared/http/metric-spec.js';
import { limits } from '../../shared/limits.js';
import { variableOf, type OptionInfo } from '../../shared/config/option.js';
import { defaultOf, usageOf } from '../../shared/config/print.js';
import { clientSchema, coordinatorSchema, runSchema, wholeSchema, workerSchema } from '../../shared/config/schema.js';
import { errorMeanings } from './error-meanings.js';

export interface Document {
  readonly path: string;
  readonly table: string;
}

const begin = '<!-- begin: made by `npm run docs` -->';
const end = '<!-- end -->';

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

export function errorTable(): string {
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { class: failureClass, retryable, countsTowardLimit } = ERRORS[code];
    const { happened, remedy } = errorMeanings[code];
    const repeated = !retryable ? 'no' : countsTowardLimit ? 'yes, counted' : 'yes, not counted';
    return [`\`${code}\``, failureClass, repeated, happened, remedy];
  });
  return table(['code', 'class', 'tried again', 'what happened', 'what to do'], rows);
}

export interface LimitNote {
  readonly name: string;
  readonly reason: string | undefined;
}

/** Each limit with the comment above it. */
export function limitNotes(source: string): readonly LimitNote[] {
  const tree = ts.createSourceFile('limits.ts', source, ts.ScriptTarget.ES2022, true);
  const notes: LimitNote[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node)) {
      const [comment] = ts.getJSDocCommentsAndTags(node);
      const text = comment === undefined ? undefined : ts.getTextOfJSDocComment(comment.comment);
      const reason = text?.replace(/\s+/g, ' ');
      notes.push({ name: node.name.getText(tree), reason });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return notes;
}

const KiB = 1024;
const MiB = KiB * KiB;

/** A limit's unit is in its name: bytes, milliseconds, or a count of what the name says. */
export function quantity(name: string, value: number): string {
  if (/bytes/i.test(name)) {
    if (value >= MiB && value % MiB === 0) return `${value / MiB} MiB`;
    if (value >= KiB && value % KiB === 0) return `${value / KiB} KiB`;
    return `${value} B`;
  }
  if (/Ms(Max|Min)?$/.test(name)) return value >= 1000 && value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  return value.toLocaleString('en-US');
}

export function limitTable(source: string): string {
  const values: Readonly<Record<string, number>> = limits;
  const rows = limitNotes(source).map(({ name, reason }) => {
    const value = values[name];
    return [`\`${name}\``, value === undefined ? 'unknown' : quantity(name, value), reason ?? ''];
  });
  return table(['limit', 'value', 'what it bounds and why'], rows);
}

const USERS = { coordinator: coordinatorSchema, worker: workerSchema, commands: clientSchema, run: runSchema };

/** Every option in all its forms, with who takes it. */
export function configurationTable(): string {
  const rows = Object.entries(wholeSchema).map(([name, option]) => {
    const info: OptionInfo = option;
    const users = Object.entries(USERS).flatMap(([user, schema]) => (Object.hasOwn(schema, name) ? [user] : []));
    // A run takes what all commands take.
    const named = users.includes('commands') ? users.filter((user) => user !== 'run') : users;
    const isOurs = !info.alsoVariablesOnly;
    const variables = [...(isOurs && !info.flagOnly ? [variableOf(name)] : []), ...(info.alsoVariables ?? [])];
    const variable = variables.map((one) => `\`${one}\``).join(', ');
    const key = !isOurs || info.flagOnly || info.flagAndVariableOnly ? '' : `\`${name}\``;
    const flag = isOurs ? `\`${usageOf(name, info)}\`` : '';
    const value = info.defaultText ?? `\`${defaultOf(info)}\``;
    return [flag, variable, key, value.replace('``', ''), named.join(', '), info.doc];
  });
  return table(['flag', 'variable', 'key', 'default', 'taken by', 'what it is'], rows);
}

/** Every metric of a process, as its registry has it. */
export function metricTable(metrics: MetricSpecs): string {
  const rows = Object.values(metrics).map(({ name, type, labels, help }) => {
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help];
  });
  return table(['metric', 'type', 'labels', 'what it says'], rows);
}

/** A document with its table put between its markers. */
export function withTable(text: string, content: string): string | undefined {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) return undefined;
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

export function documents(limitsSource: string): readonly Document[] {
  return [
    { path: 'docs/reference/errors.md', table: errorTable() },
    { path: 'docs/reference/limits.md', table: limitTable(limitsSource) },
    { path: 'docs/reference/configuration.md', table: configurationTable() },
    { path: 'docs/reference/metrics.md', table: metricTable(METRICS) },
    { path: 'docs/reference/worker-metrics.md', table: metricTable(WORKER_METRICS) },
  ];
}
