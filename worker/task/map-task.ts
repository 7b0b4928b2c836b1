/**
 * A map attempt: bytes of its splits -> records -> the user's `map` -> a shuffle object, or the part of a map-only job.
 *
 * A record's emits become visible only when its `map` has returned. A map that returned no promise is never awaited.
 */
import { zeroCounts, type Counts } from '../../shared/counts.js';
import { GristmillError, hasCode } from '../../shared/errors.js';
import { gateSync } from '../../shared/gate.js';
import { validateRecord, type LoadedDefinition } from '../../shared/job/definition.js';
import type { Kernel } from '../../shared/kernel/kernel.js';
import type { Plan, PlannedInput, Split } from '../../shared/plan.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { ByteSource } from '../ports.js';
import type { RecordNote } from '../record-note.js';
import { createRecordReader, type RecordReader } from './record-reader.js';
import { EmitGate } from './emit-gate.js';
import { isPromise, type Steps } from './steps.js';
import type { MapContext } from './user-context.js';
import { foldError, userError, type MapStack } from './user-errors.js';

/** Where a map's emits go: the shuffle, or the rows of a map-only job. */
export interface MapSink {
  /** An `emit` that throws while the gate is shut. */
  emitter(gate: EmitGate): (...args: unknown[]) => void;
  recordDone(): void;
  /** Everything written and sealed. */
  finish(): MapOutcome;
}

export interface MapOutcome {
  readonly counts: Partial<Counts>;
  /** The shuffle object, if there is one. */
  readonly digest: bigint;
  readonly bytes: number;
  /** Undefined for a shuffle object. */
  readonly seal: Seal | undefined;
}

export interface MapTaskOptions {
  readonly plan: Plan;
  readonly splits: readonly Split[];
  readonly definition: LoadedDefinition;
  readonly context: MapContext;
  readonly mapStack: MapStack;
  /** Scans the input. */
  readonly kernel: Kernel;
  /** Bytes of the split's input from one before the split on (from the split's own start at 0 and for items). */
  readonly openSplit: (input: PlannedInput, split: Split) => ByteSource;
  readonly sink: MapSink;
  /** Told of each record before it is mapped; absent: nobody wants to know. */
  readonly note?: RecordNote | undefined;
  readonly onProgress: (records: number, bytes: number) => void;
}

export class MapTask {
  private readonly options: MapTaskOptions;
  private read = 0;
  private filtered = 0;
  private bytes = 0;
  /** Records since which `emit` belongs to one record alone: async maps. */
  private asynchronous = false;
  private readonly gate = new EmitGate();
  private readonly emit: (...args: unknown[]) => void;

  constructor(options: MapTaskOptions) {
    this.options = options;
    this.emit = options.sink.emitter(this.gate);
  }

  *run(): Steps<MapOutcome & { readonly counts: Counts }> {
    try {
      for (const split of this.options.splits) yield* this.runSplit(split);
      yield undefined; // rejections of the last records show before anything is sealed
    } finally {
      this.options.note?.end();
    }
    gateSync('shuffle');
    const outcome = this.finish();
    const counts: Counts = {
      ...zeroCounts,
      recordsRead: this.read,
      recordsMapped: this.read - this.filtered,
      recordsFiltered: this.filtered,
      bytesRead: this.bytes,
      ...outcome.counts,
    };
    return { ...outcome, counts };
  }

  /** The user's `partition` is called here, once for each key, and what folds its values. */
  private finish(): MapOutcome {
    try {
      return this.options.sink.finish();
    } catch (error) {
      if (!hasCode(error, 'partition-failed')) throw foldError(error, this.options.mapStack);
      throw userError(error, 'partition-failed', 'partition', this.options.mapStack);
    }
  }

  private *runSplit(split: Split): Steps<void> {
    const input = this.options.plan.inputs[split.input];
    if (!input) throw new GristmillError('internal', `the plan has no input ${split.input}`);
    const reader = createRecordReader(this.options.plan, input, split, this.options.kernel);
    const source = this.options.openSplit(input, split);
    this.options.context.place = { uri: input.uri, etag: input.etag, offset: 0, index: 0 };
    // Bytes beside the split (its last record's rest) are read, but they are counted where they belong.
    const before = this.bytes;
    const splitBytes = split.end - split.start;
    let fed = 0;
    try {
      while (!reader.done) {
        const bytes = source.next();
        if (bytes) reader.feed(bytes);
        else reader.finish();
        yield* this.records(reader, input);
        fed += bytes?.length ?? 0;
        this.bytes = before + Math.min(fed, splitBytes);
        this.options.onProgress(this.read, this.bytes);
        gateSync('map');
        yield undefined;
        if (!bytes) break;
      }
      this.bytes = before + splitBytes;
    } finally {
      source.close();
    }
  }

  private *records(reader: RecordReader, input: PlannedInput): Steps<void> {
    for (let pending = this.mapAll(reader, input); pending; pending = this.mapAll(reader, input)) yield pending;
  }

  /** Maps records as long as there are any, up to one whose map returns a promise. */
  private mapAll(reader: RecordReader, input: PlannedInput): PromiseLike<void> | undefined {
    const { context, definition, sink, note } = this.options;
    const { emit, gate } = this;
    const { place } = context;
    let isMapping = false;
    try {
      while (reader.next()) {
        this.read += 1;
        if (reader.filtered) {
          this.filtered += 1;
          continue;
        }
        place.offset = reader.offset;
        place.index = this.read - 1;
        note?.at({ record: this.placeOf(reader), where: this.whereOf(reader) });
        if (this.asynchronous) return this.mapAsync(reader);
        isMapping = true;
        const record = this.checked(reader);
        if (definition.recordSchema && isPromise(record)) {
          this.asynchronous = true;
          return this.mapAsync(reader);
        }
        gate.isOpen = true;
        const returned = definition.map(record, emit, context);
        if (isPromise(returned)) {
          this.asynchronous = true;
          return this.finishFirst(returned, this.placeOf(reader));
        }
        gate.isOpen = false;
        sink.recordDone();
        isMapping = false;
      }
      return undefined;
    } catch (error) {
      throw isMapping ? this.failed(error, this.placeOf(reader)) : this.unreadable(error, reader, input);
    }
  }

  /** What makes a record bad is told with its place. */
  private unreadable(error: unknown, reader: RecordReader, input: PlannedInput): unknown {
    if (!(error instanceof GristmillError) || error.where !== undefined) return error;
    return new GristmillError(error.code, `${error.message} (${this.placeOf(reader)})`, {
      cause: error,
      where: `${input.uri} offset ${reader.offset}`,
    });
  }

  private whereOf(reader: RecordReader): string {
    return this.options.plan.descriptor.source.format === 'items'
      ? this.placeOf(reader)
      : `${this.options.context.place.uri} offset ${reader.offset}`;
  }

  /** The record that showed the map to be asynchronous. */
  private async finishFirst(returned: PromiseLike<unknown>, place: string): Promise<void> {
    try {
      await returned;
    } catch (error) {
      throw this.failed(error, place);
    } finally {
      this.gate.isOpen = false;
    }
    this.options.sink.recordDone();
  }

  /** An `emit` of its own for each record, so that one that comes late is known to be late. */
  private async mapAsync(reader: RecordReader): Promise<void> {
    const { context, definition, sink } = this.options;
    const place = this.placeOf(reader);
    const gate = new EmitGate();
    try {
      const record = await this.checked(reader);
      gate.isOpen = true;
      await definition.map(record, sink.emitter(gate), context);
    } catch (error) {
      throw this.failed(error, place);
    } finally {
      gate.isOpen = false;
    }
    sink.recordDone();
  }

  /** After the source's schema, if it has one. */
  private checked(reader: RecordReader): unknown {
    const { recordSchema } = this.options.definition;
    return recordSchema ? validateRecord(recordSchema, reader.record) : reader.record;
  }

  private placeOf(reader: RecordReader): string {
    const { plan, context } = this.options;
    if (plan.descriptor.source.format === 'items') return `item ${reader.offset}`;
    return `the record at offset ${reader.offset} of ${context.place.uri}`;
  }

  private failed(error: unknown, place: string): GristmillError {
    return userError(error, 'map-failed', `map, on ${place}`, this.options.mapStack);
  }
}
