/** What runs have met with: a simulation in which nothing fails proves nothing. */
import { FLEET_FAULTS } from './fleet/scenario.js';
import type { RunReport } from './simulation.js';

/** Each of these must have happened at least so often in 200,000 steps. */
const FAULTS_MIN = 10;
const CRASH_POINTS_MIN = 25;
const TRANSITIONS = [
  'validating -> queued',
  'queued -> in_progress',
  'in_progress -> committing',
  'committing -> completed',
  'committing -> failed',
  'validating -> completed',
  'validating -> cancelled',
  'in_progress -> cancelled',
  'in_progress -> failed',
  'validating -> failed',
  'validating -> expired',
  'in_progress -> expired',
  'committing -> expired',
  'completed -> archived',
  'failed -> archived',
] as const;
const FAULTS = [
  'store error before a read',
  'store error before a write',
  'write lands later than its timeout',
  'answer of a write lost',
  'write in flight at a crash is lost',
  'write of the dead lands late',
  'message delivered twice',
  'message delayed',
  'stream broken, messages lost',
  'executor dies',
  'executor runs out of memory',
  'executor dawdles',
  'counts that do not balance',
  'report late',
  'report sent twice',
  'worker dies',
  'worker freezes',
  'leader crashes at any time',
  'leader crashes at a store call',
  'staged output lost',
  'shuffle object lost',
  'shuffle object corrupt',
  'stranger in the output',
  'answer to a client lost',
  'leader freezes',
  'fenced leader halts',
  'snapshot taken',
  'slot deleted',
  'deadline passes',
] as const;

const CONSEQUENCES = ['map object lost and found out', 'generation begun', 'task on two slots'] as const;

const FLEET = [
  ...FLEET_FAULTS.map((kind) => `fault ${kind}`),
  'attempt lost',
  'backup',
  'backup won',
  'loser',
  'report that does not count',
  'failed: disk-full',
  'failed: executor-died',
  'failed: out-of-memory',
  'two slots',
  'failed: worker-lost',
  'notice waiting',
  'completed',
  'failed',
];

export class Coverage {
  seeds = 0;
  steps = 0;
  readonly faults = new Map<string, number>();
  readonly transitions = new Map<string, number>();
  readonly crashPoints = new Map<string, number>();
  readonly outcomes = new Map<string, number>();
  readonly consequences = new Map<string, number>();
  fleetSteps = 0;
  /** What befell the fleets. */
  readonly fleet = new Map<string, number>();

  add(report: RunReport): void {
    this.seeds++;
    this.steps += report.steps;
    merge(this.faults, report.faults);
    merge(this.transitions, report.transitions);
    merge(this.crashPoints, report.crashPoints);
    merge(this.outcomes, report.outcomes);
    merge(this.consequences, report.consequences);
  }

  addFleet(steps: number, happened: ReadonlyMap<string, number>): void {
    this.fleetSteps += steps;
    merge(this.fleet, happened);
  }

  /** What should have befallen the fleets. */
  missingInFleets(): string[] {
    return FLEET.filter((what) => (this.fleet.get(what) ?? 0) < FAULTS_MIN);
  }

  /** What should have happened and did not, or too seldom. */
  missing(): string[] {
    const faults = FAULTS.filter((fault) => (this.faults.get(fault) ?? 0) < FAULTS_MIN);
    const transitions = TRANSITIONS.filter((edge) => !this.transitions.has(edge));
    const points = this.crashPoints.size < CRASH_POINTS_MIN ? [`${CRASH_POINTS_MIN} crash points`] : [];
    const consequences = CONSEQUENCES.filter((one) => (this.consequences.get(one) ?? 0) < FAULTS_MIN);
    return [...faults, ...transitions, ...points, ...consequences];
  }

  toString(): string {
    const section = (name: string, counts: ReadonlyMap<string, number>) => [
      `${name}:`,
      ...[...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([what, count]) => `  ${String(count).padStart(7)}  ${what}`),
    ];
    return [
      `${this.seeds} seeds, ${this.steps} steps`,
      ...section('faults', this.faults),
      ...section('consequences', this.consequences),
      ...section('transitions', this.transitions),
      ...section(`crash points (${this.crashPoints.size})`, this.crashPoints),
      ...section('outcomes', this.outcomes),
      ...section(`fleets, ${this.fleetSteps} steps`, this.fleet),
    ].join('\n');
  }
}

function merge(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [what, count] of from) into.set(what, (into.get(what) ?? 0) + count);
}
