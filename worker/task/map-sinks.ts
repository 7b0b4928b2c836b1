/** The two ways out of a map: into the shuffle, or straight into a part of the output. */
import type { Counts } from '../../shared/counts.js';
import { GristmillError } from '../../shared/errors.js';
import { gateSync } from '../../shared/gate.js';
import { RowWriter } from '../../shared/formats/row-writer.js';
import { limits } from '../../shared/limits.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import { MapOutput } from '../../shared/kernel/map-output.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import type { Plan } from '../../shared/plan.js';
import type { ByteSink } from '../ports.js';
import type { MapOutcome, MapSink } from './map-task.js';

export interface ShuffleSinkOptions {
  readonly plan: Plan;
  readonly attempt: string;
  readonly definition: LoadedDefinition;
  readonly combine: CombineMode;
  readonly open: () => ByteSink;
}

export class ShuffleSink implements MapSink {
  private readonly output: MapOutput;
  private readonly open: () => ByteSink;

  constructor({ plan, attempt, definition, combine, open }: ShuffleSinkOptions) {
    this.open = open;
    this.output = new MapOutput({
      partitions: plan.partitions,
      ...(definition.partition && { partition: definition.partition }),
      ...(plan.descriptor.aggregator && { aggregator: plan.descriptor.aggregator }),
      combine,
      memoryBytes: limits.kernelBytesMax,
      job: plan.job,
      attempt,
    });
  }

  emit(key: unknown, value: unknown): void {
    this.output.emit(key, value);
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
    };
    return { counts, digest: summary.digest, bytes: summary.bytes, seal: sink.seal() };
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

  emit(...args: unknown[]): void {
    if (args.length !== 1) {
      throw new GristmillError(
        'row-invalid',
        `emit of a map-only job takes one row; it was given ${args.length} values`,
      );
    }
    this.writer.emit(args[0]);
  }

  recordDone(): void {
    this.emitted = this.writer.rows;
  }

  finish(): MapOutcome {
    this.writer.flush();
    const { rows, rowsWritten, bytesWritten } = this.writer;
    const counts: Partial<Counts> = { emitted: this.emitted, rows, rowsWritten, bytesWritten };
    return { counts, digest: 0n, bytes: 0, seal: this.sink.seal() };
  }
}
