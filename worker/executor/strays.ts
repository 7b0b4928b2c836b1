/** Rejections and exceptions of user code that no `await` saw: they fail the attempt in which they show. */
import { GristmillError } from '../../shared/errors.js';
import { userError, type MapStack } from '../task/user-errors.js';

export class Strays {
  private readonly caught: unknown[] = [];

  watch(): void {
    process.on('unhandledRejection', (reason) => this.caught.push(reason));
    process.on('uncaughtException', (error) => this.caught.push(error));
  }

  /** Throws the first one, if there is any, and forgets them all. */
  throwFirst(mapStack: MapStack | undefined): void {
    const [first] = this.caught.splice(0);
    if (first === undefined) return;
    if (!mapStack) throw GristmillError.from(first);
    throw userError(first, 'unhandled-rejection', 'a promise or callback that nothing awaited', mapStack);
  }
}
