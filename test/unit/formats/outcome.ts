/** How a call ended: the code and message of the GristmillError that it threw, or `none`. */
import { GristmillError } from '../../../shared/errors.js';

function thrownBy(action: () => unknown): GristmillError | undefined {
  try {
    action();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GristmillError) return thrown;
    throw thrown;
  }
}

export const codeOf = (action: () => unknown): string => thrownBy(action)?.code ?? 'none';
export const messageOf = (action: () => unknown): string => thrownBy(action)?.message ?? '';

/** The error with which a promise ends. */
export async function failureOf(promise: Promise<unknown>): Promise<GristmillError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof GristmillError) return thrown;
    throw thrown;
  }
  throw new Error('the promise did not reject');
}
