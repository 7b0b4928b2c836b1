/**
 * A reduce attempt: its partition of every shuffle object -> k-way merge -> the aggregator or the user's `reduce` -> one
 * staged part. What user code leaves unread is drained and verified all the same.
 */
import { zeroCounts, type Counts } from '../../shared/counts.js';
import { keyText } from '../../shared/codec/key-text.js';
import { GristmillError } from '../../shared/errors.js';
import { RowWriter } from '../../shared/formats/row-writer.js';
import { gateSync } from '../../shared/gate.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import type { GroupCursor } from '../../shared/kernel/group-cursor.js';
import { OwnFold } from '../../shared/kernel/value-fold.js';
import type { Plan } from '../../shared/plan.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { ByteSink } from '../ports.js';
import { isPromise, type Steps } from './steps.js';
import type { ReduceContext } from './user-context.js';
import { foldError, userError, type MapStack } from './user-errors.js';

export interface ReduceTaskOptions {
  readonly plan: Plan;
  readonly definition: LoadedDefinition;
  readonly context: ReduceContext;
  readonly mapStack: MapStack;
  readonly groups: GroupCursor;
  readonly openPart: () => ByteSink;
  readonly onProgress: (records: number, bytes: number) => void;
}

/** Groups between two turns of the event loop. */
const GROUPS_PER_TURN = 4096;

export class ReduceTask {
  private readonly options: ReduceTaskOptions;
  private readonly writer: RowWriter;
  private readonly sink: ByteSink;
  private readonly fold: OwnFold | undefined;
  private groups = 0;

  constructor(options: ReduceTaskOptions) {
    this.options = options;
    const { aggregator } = options.definition;
    this.fold = aggregator && new OwnFold(aggregator);
    this.sink = options.openPart();
    this.writer = new RowWriter(options.plan.descriptor.sink.format, (bytes) => {
      this.sink.write(bytes);
    });
  }

  *run(): Steps<{ readonly counts: Counts; readonly seal: Seal }> {
    const { groups, onProgress } = this.options;
    while (groups.nextGroup()) {
      const pending = this.reduceOne(groups);
      if (pending) yield pending;
      this.groups += 1;
      gateSync('reduce');
      if (this.groups % GROUPS_PER_TURN === 0) {
        onProgress(groups.found.records, 0);
        yield undefined;
      }
    }
    yield undefined; // rejections of the last groups show before anything is sealed
    this.writer.flush();
    gateSync('seal');
    const seal = this.sink.finish();
    if (!seal) throw new GristmillError('internal', 'an output was finished without a seal');
    const counts: Counts = {
      ...zeroCounts,
      shuffledInRecords: groups.found.records,
      shuffledInWeight: groups.found.weight,
      shuffledInSum: groups.found.sum,
      groups: this.groups,
      inexact: groups.inexact,
      bytesSpilled: groups.bytesSpilled,
      rows: this.writer.rows,
      rowsWritten: this.writer.rowsWritten,
      bytesWritten: this.writer.bytesWritten,
    };
    return { counts, seal };
  }

  private reduceOne(groups: GroupCursor): PromiseLike<void> | undefined {
    const { plan, definition, context } = this.options;
    const { aggregator } = plan.descriptor;
    const { reduce } = definition;
    const key = groups.key();
    if (aggregator) {
      const value = aggregator.kind === 'built-in' ? groups.foldStates() : this.ownResult(groups);
      this.writeRow({ key, value }, key);
      return undefined;
    }
    if (!reduce) throw new GristmillError('internal', 'the definition has no reduce');
    const values = new GroupValues(groups);
    const emit = (row: unknown) => {
      if (values.ended) {
        throw new GristmillError('emit-after-end', 'emit was called after its reduce had ended; await what emits');
      }
      this.writer.emit(row);
    };
    try {
      const returned = reduce(key, values, emit, context);
      if (isPromise(returned)) return this.finish(returned, values, key);
    } catch (error) {
      throw this.failed(error, key);
    }
    values.end();
    return undefined;
  }

  private async finish(returned: PromiseLike<unknown>, values: GroupValues, key: unknown): Promise<void> {
    try {
      await returned;
    } catch (error) {
      throw this.failed(error, key);
    } finally {
      values.end();
    }
  }

  /** Of an aggregator of the job's own. */
  private ownResult(groups: GroupCursor): unknown {
    if (!this.fold) throw new GristmillError('internal', 'the definition has no aggregator');
    try {
      groups.foldValues(this.fold);
      return this.fold.result();
    } catch (error) {
      throw foldError(error, this.options.mapStack);
    }
  }

  private writeRow(row: unknown, key: unknown): void {
    try {
      this.writer.emit(row);
    } catch (error) {
      throw this.failed(error, key);
    }
  }

  private failed(error: unknown, key: unknown): GristmillError {
    return userError(error, 'reduce-failed', `reduce, on the key ${keyText(key)}`, this.options.mapStack);
  }
}

/** One pass over a group's values, decoded as they are asked for. */
class GroupValues implements IterableIterator<unknown> {
  ended = false;
  private readonly groups: GroupCursor;
  private begun = false;

  constructor(groups: GroupCursor) {
    this.groups = groups;
  }

  [Symbol.iterator](): this {
    if (this.begun) {
      throw new GristmillError(
        'values-reused',
        'values can be iterated once: they are streamed and never held in memory; copy what you need into an array',
      );
    }
    this.begun = true;
    return this;
  }

  next(): IteratorResult<unknown, undefined> {
    if (this.ended || !this.groups.nextValue()) return { done: true, value: undefined };
    return { done: false, value: this.groups.value() };
  }

  return(): IteratorResult<unknown, undefined> {
    return { done: true, value: undefined };
  }

  end(): void {
    this.ended = true;
  }
}
