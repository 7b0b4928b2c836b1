/** Makes a failing scenario as small as it can be made step by step: each step fails still, in whatever way. */
import { runFleet } from './fleet.js';
import { smaller, type FleetScenario } from './scenario.js';

/** Enough for every scenario that the seeds draw; shrinking must end all the same. */
const RUNS_MAX = 300;

export interface Shrunk {
  readonly scenario: FleetScenario;
  readonly violation: string;
}

export function shrink(failing: FleetScenario, violation: string): Shrunk {
  let best: Shrunk = { scenario: failing, violation };
  let runs = 0;
  for (let isShrinking = true; isShrinking;) {
    isShrinking = false;
    for (const scenario of smaller(best.scenario)) {
      if (++runs > RUNS_MAX) return best;
      const found = runFleet(scenario).violation;
      if (found === undefined) continue;
      best = { scenario, violation: found };
      isShrinking = true;
      break;
    }
  }
  return best;
}
