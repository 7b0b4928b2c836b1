/** The two ways out of a map: into the shuffle, or straight into a part of the output. */
import type { Counts } from '../../shared/counts.js';
import { GristmillError } from '../../shared/errors.js';
import { gateSync } from '../../shared/gate.js';
import { RowWriter } from '../../shared/formats/row-writer.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import type { Kernel } from '../../shared/kernel/kernel.js';
import { MapOutput } from '../../shared/kernel/map-output.js';
import { PACKED_MAX } from '../../shared/kernel/packed-emits.js';
import type { Scratch } from '../../shared/kernel/scratch.js';
import { CombineFold, OwnFold, type ValueFold } from '../../shared/kernel/value-fold.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import type { Plan } from '../../shared/plan.js';
import type { ByteSink } from '../ports.js';
import { lateEmit, type EmitGate } from './emit-gate.js';
import type { MapOutcome, MapSink } from './map-task.js';

export interface ShuffleSinkOptions {
  readonly kernel: Kernel;
  /** Where runs go that do not fit into memory. */
  readonly scratch: Scratch;
  readonly plan: Plan;
  readonly attempt: string;
  readonly definition: LoadedDefinition;
  readonly combine: CombineMode;
  readonly open: () => ByteSink;
}

export class ShuffleSink implements MapSink {
  private readonly output: MapOutput;
  private readonly open: () => ByteSink;

  constructor({ kernel, scratch, plan, attempt, definition, combine, open }: ShuffleSinkOptions) {
    this.open = open;
    const { aggregator } = plan.descriptor;
    this.output = new MapOutput({
      kernel,
      scratch,
      partitions: plan.partitions,
      ...(definition.partition && { partition: definition.partition }),
      ...(aggregator?.kind === 'built-in' && { aggregator }),
      fold: valueFoldOf(definition),
      memoryBytes: plan.memoryBytes,
      combine,
      job: plan.job,
      attempt,
    });
  }

  emitter(gate: EmitGate): (key: unknown, value: unknown) => void {
    const { output } = this;
    const { packed } = output;
    if (!packed) {
      return (key, value) => {
        if (!gate.isOpen) throw lateEmit();
        output.emit(key, value);
      };
    }
    // The commonest emit of all takes the shortest way.
    return (key, value) => {
      if (!gate.isOpen) throw lateEmit();
      if (value !== 1 || typeof key !== 'string' || key.length > PACKED_MAX || !packed.emit(key, 1)) {
        output.emit(key, value);
      }
    };
  }

  recordDone(): void {
    this.output.recordDone();
  }

  finish(): MapOutcome {
    const sink = this.open();
    const summary = this.output.finish((bytes) => {
      sink.write(bytes);
    });
    gateSync('shuffle-seal');
    const counts: Partial<Counts> = {
      emitted: this.output.emitted,
      combinedIn: summary.combinedIn,
      combinedOut: summary.records,
      shuffledOutRecords: summary.records,
      shuffledOutWeight: summary.weight,
      shuffledOutSum: summary.sum,
      bytesShuffled: summary.bytes,
      bytesSpilled: summary.bytesSpilled,
    };
    return { counts, digest: summary.digest, bytes: summary.bytes, seal: sink.finish() };
  }
}

/** Rows are encoded as they are emitted; a record that fails fails the attempt, and nothing of it is ever sealed. */
export class RowSink implements MapSink {
  private readonly sink: ByteSink;
  private readonly writer: RowWriter;
  private emitted = 0;

  constructor(plan: Plan, open: () => ByteSink) {
    this.sink = open();
    this.writer = new RowWriter(plan.descriptor.sink.format, (bytes) => {
      this.sink.write(bytes);
    });
  }

  emitter(gate: EmitGate): (...args: unknown[]) => void {
    const { writer } = this;
    return (...args) => {
      if (!gate.isOpen) throw lateEmit();
      if (args.length !== 1) {
        throw new GristmillError(
          'row-invalid',
          `emit of a map-only job takes one row; it was given ${args.length} values`,
        );
      }
      writer.emit(args[0]);
    };
  }

  recordDone(): void {
    this.emitted = this.writer.rows;
  }

  finish(): MapOutcome {
    this.writer.flush();
    const { rows, rowsWritten, bytesWritten } = this.writer;
    const counts: Partial<Counts> = { emitted: this.emitted, rows, rowsWritten, bytesWritten };
    return { counts, digest: 0n, bytes: 0, seal: this.sink.finish() };
  }
}

/** What folds the values of a key on the map side, when the job has functions for that. */
function valueFoldOf({ aggregator, combine }: LoadedDefinition): ValueFold | undefined {
  if (aggregator) return new OwnFold(aggregator);
  return combine && new CombineFold(combine);
}
