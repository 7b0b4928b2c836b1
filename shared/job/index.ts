/** The public API of the package `gristmill`: what a job file imports. Kept light, for every executor loads it. */
export { agg } from './aggregator.js';
export { defineAggregation, defineJob, defineMap } from './define.js';
export { write } from './sink.js';
export { read } from './source.js';
export type { Schema, SchemaIssue, SchemaResult } from './schema.js';
export type { SinkOptions } from './sink.js';
export type {
  Columns,
  CsvOptions,
  FileOptions,
  ItemsOptions,
  JsonlOptions,
  RecordFrom,
  StoredObject,
  Tagged,
  TextOptions,
  Uris,
} from './source.js';
export type {
  Aggregator,
  AggregationOptions,
  AnyAggregator,
  Atom,
  BuiltInAggregator,
  ByteSize,
  CommonOptions,
  Counter,
  Duration,
  Emit,
  EmitRow,
  Job,
  JobOptions,
  Key,
  MapContext,
  MapOptions,
  Reduce,
  ReduceContext,
  ReduceOptions,
  SetupContext,
  Sink,
  Source,
  Storable,
} from './types.js';
