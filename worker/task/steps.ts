/**
 * A task is a synchronous generator: it yields a promise where user code returned one, and nothing between blocks, so
 * that its driver can take a turn of the event loop, in which late emits and unhandled rejections show.
 */
export type Steps<Result> = Generator<PromiseLike<unknown> | undefined, Result, unknown>;

/** Runs the steps to their end. `turn` runs wherever the task offers it, and may throw to end the task. */
export async function drive<Result>(steps: Steps<Result>, turn: () => Promise<void>): Promise<Result> {
  let step = steps.next();
  while (!step.done) {
    let answer: unknown;
    try {
      answer = await (step.value ?? turn());
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
