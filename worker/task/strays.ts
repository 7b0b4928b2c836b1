/** Rejections and exceptions of user code that no `await` saw: they fail the attempt in which they show. */
import { GristmillError } from '../../shared/errors.js';
import { userError, type MapStack } from './user-errors.js';

export class Strays {
  /** The first one; what was thrown may be undefined. */
  private caught: { readonly thrown: unknown } | undefined;

  catch(thrown: unknown): void {
    this.caught ??= { thrown };
  }

  /** Throws the first one, if there is any, and forgets them all. */
  throwFirst(mapStack: MapStack | undefined): void {
    const { caught } = this;
    if (!caught) return;
    this.forget();
    if (!mapStack) throw GristmillError.from(caught.thrown, 'unhandled-rejection');
    throw userError(caught.thrown, 'unhandled-rejection', 'a promise or callback that nothing awaited', mapStack);
  }

  /** After an attempt that has failed anyway: the next one is not to be blamed. */
  forget(): void {
    this.caught = undefined;
  }
}
