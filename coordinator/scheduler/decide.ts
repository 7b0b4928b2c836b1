/**
 * `decide` says what follows from an event: records that become so once they are durable, and commands that are carried
 * out after that. It reads the durable state and never writes it; it owns the volatile state. No I/O, no clock, no
 * randomness: time and randomness come in.
 */
import type { JobId } from '../../shared/ids.js';
import { decideAdvance } from './decide-advance.js';
import { decideEffect } from './decide-effect.js';
import { decideCancel, decideSubmit } from './decide-job.js';
import { decideMessage } from './decide-report.js';
import { decideSessionClosed, decideSessionOpened, decideTick } from './decide-session.js';
import type { Command, Decision, Now, SchedulerEvent } from './events.js';
import { decideRetention, decideSnapshot } from './decide-upkeep.js';
import { evolve } from './evolve.js';
import type { JournalRecord } from './records.js';
import type { SchedulerState } from './volatile.js';

export function decide(state: SchedulerState, event: SchedulerEvent, now: Now): Decision {
  switch (event.type) {
    case 'submit':
      return decideSubmit(state, event, now);
    case 'cancel':
      return decideCancel(state, event, now);
    case 'session-opened':
      return decideSessionOpened(state, event, now);
    case 'worker-message':
      return decideMessage(state, event, now);
    case 'session-closed':
      return decideSessionClosed(state, event, now);
    case 'effect-ended':
      return decideEffect(state, event, now);
    case 'snapshot-taken':
      return decideSnapshot(state, event.slot, now);
    case 'tick':
      return both(decideTick(state, now), decideRetention(state, now));
    case 'advance':
      return decideAdvance(state, now);
  }
}

function both(a: Decision, b: Decision): Decision {
  return { records: [...a.records, ...b.records], commands: [...a.commands, ...b.commands] };
}

/** A report is decided on what the one before it has made so: the first may take back what the second counts on. */
function oneByOne(event: SchedulerEvent): SchedulerEvent[] {
  if (event.type !== 'worker-message') return [event];
  const [first, ...others] = event.message.reports ?? [];
  if (first === undefined || others.length === 0) return [event];
  const rest = others.map((report) => ({ ...event, message: { reports: [report] } }));
  return [{ ...event, message: { ...event.message, reports: [first] } }, ...rest];
}

/**
 * An event and all that follows from it: decided, evolved at once (speculatively: nothing leaves the process before the
 * records are durable), and advanced until nothing more follows.
 */
export function step(state: SchedulerState, event: SchedulerEvent, now: Now): Decision {
  const records: JournalRecord[] = [];
  const commands: Command[] = [];
  const touched = new Set<JobId>();
  const events = oneByOne(event);
  for (;;) {
    const next = events.shift() ?? { type: 'advance' };
    const decision = decide(state, next, now);
    for (const record of decision.records) {
      evolve(state.durable, record);
      if ('job' in record) touched.add(record.job);
    }
    records.push(...decision.records);
    commands.push(...decision.commands);
    if (next.type === 'advance' && decision.records.length === 0) break;
  }
  for (const id of touched) {
    commands.push({ type: 'show-events', job: id, end: state.durable.jobs.get(id)?.eventsEnd ?? 0 });
  }
  return { records, commands };
}
