/** Requests that a proxy keeps back: they land when it is told so, or after their time, whatever became of their client. */
import type { Answer, Upstream, WholeRequest } from './upstream.js';

type Delivery = { readonly status: number; readonly answer?: Answer };

interface Waiting {
  readonly deliver: () => Promise<Delivery>;
  readonly giveUp: () => void;
}

export class Held {
  readonly #upstream: Upstream;
  readonly #waiting = new Set<Waiting>();

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** What the server answers in the end; status 0 when it is never delivered. */
  hold(whole: WholeRequest, afterMs?: number): Promise<Delivery> {
    return new Promise((resolve) => {
      const deliver = async () => {
        leave();
        const delivery = await this.#upstream.send(whole);
        resolve(delivery);
        return delivery;
      };
      const timer = afterMs === undefined ? undefined : setTimeout(() => void deliver(), afterMs);
      const leave = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      const giveUp = () => {
        leave();
        resolve({ status: 0 });
      };
      const waiting = { deliver, giveUp };
      this.#waiting.add(waiting);
    });
  }

  /** Delivers all that wait, the earliest first, one after the other; gives the server's statuses. */
  async deliver(): Promise<readonly number[]> {
    const statuses: number[] = [];
    for (const { deliver } of [...this.#waiting]) statuses.push((await deliver()).status);
    return statuses;
  }

  close(): void {
    for (const { giveUp } of [...this.#waiting]) giveUp();
  }
}
