/** How a failing fleet is made smaller: by its plain data. */
import type { Proposals } from '../shrinking.js';
import { shrink, type Played, type Shrunk } from '../shrinking.js';
import { runFleet } from './fleet.js';
import { smaller, type FleetScenario } from './scenario.js';

export function shrinkFleet(
  failing: FleetScenario,
  violation: string,
  play: (scenario: FleetScenario) => Played = runFleet,
): Promise<Shrunk<FleetScenario, Played>> {
  return shrink(failing, { violation }, { play, smaller: proposals });
}

/** From the first that holds all begins again: the boldest may hold now. */
function* proposals(failing: FleetScenario): Proposals<FleetScenario, Played> {
  for (const scenario of smaller(failing)) if (yield scenario) return;
}
