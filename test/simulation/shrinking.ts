/** Makes what fails as small as it can be, step by step: each step breaks the same rule still. */

export interface Played {
  readonly violation: string | undefined;
}

export interface Shrunk<Case, Report extends Played> {
  readonly smallest: Case;
  readonly report: Report;
}

/**
 * Proposes smaller cases, the boldest first. It is told what became of each that still breaks the rule and goes on from
 * there; of one that does not it is told nothing.
 */
export type Proposals<Case, Report> = Generator<Case, void, Report | undefined>;

export interface Shrinking<Case, Report extends Played> {
  readonly play: (one: Case) => Report | Promise<Report>;
  readonly smaller: (failing: Case, report: Report) => Proposals<Case, Report>;
}

/** Enough for whatever the seeds draw; shrinking must end all the same. */
const RUNS_MAX = 400;

/** The rule that is broken: the message without figures, names and lists of states. A smaller case that breaks another one is no explanation. */
export function ruleOf(violation: string): string {
  return violation.replace(/\S*[\d/{"]\S*|\b[a-z]{12}\b/g, '#').replace(/# \w+(?:, # \w+)*$/, '#');
}

/** Asks for proposals until none of a whole round holds. */
export async function shrink<Case, Report extends Played>(
  failing: Case,
  report: Report,
  { play, smaller }: Shrinking<Case, Report>,
): Promise<Shrunk<Case, Report>> {
  const rule = ruleOf(report.violation ?? '');
  let best: Shrunk<Case, Report> = { smallest: failing, report };
  let runs = 0;
  for (let isShrinking = true; isShrinking;) {
    isShrinking = false;
    const proposals = smaller(best.smallest, best.report);
    for (let next = proposals.next(); !next.done;) {
      if (++runs > RUNS_MAX) return best;
      const found = await play(next.value);
      const holds = found.violation !== undefined && ruleOf(found.violation) === rule;
      if (holds) best = { smallest: next.value, report: found };
      isShrinking ||= holds;
      next = proposals.next(holds ? found : undefined);
    }
  }
  return best;
}
