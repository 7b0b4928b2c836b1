/** Makes a failing scenario as small as it can be made step by step: each step breaks the same rule still. */
import { runFleet } from './fleet.js';
import { smaller, type FleetScenario } from './scenario.js';

/** Enough for every scenario that the seeds draw; shrinking must end all the same. */
const RUNS_MAX = 300;

export interface Shrunk {
  readonly scenario: FleetScenario;
  readonly violation: string;
}

/** The rule that is broken: the message without its figures and names. A smaller fleet that breaks another one is no explanation. */
function ruleOf(violation: string): string {
  return violation.replace(/\b(?:job|map-|reduce-|w)\d+(?:\.\d+-\d+)?|\d+(?:\.\d+)?/g, '#');
}

export function shrink(
  failing: FleetScenario,
  violation: string,
  play: (scenario: FleetScenario) => { readonly violation: string | undefined } = runFleet,
): Shrunk {
  let best: Shrunk = { scenario: failing, violation };
  let runs = 0;
  for (let isShrinking = true; isShrinking;) {
    isShrinking = false;
    for (const scenario of smaller(best.scenario)) {
      if (++runs > RUNS_MAX) return best;
      const found = play(scenario).violation;
      if (found === undefined || ruleOf(found) !== ruleOf(violation)) continue;
      best = { scenario, violation: found };
      isShrinking = true;
      break;
    }
  }
  return best;
}
