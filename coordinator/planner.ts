/**
 * From an inspection to the frozen plan. Splits come from bytes alone, never from how many workers there are, so that
 * one input always has one plan; map tasks follow the order of the inputs, which is part of the contract.
 */
import { GristmillError } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import type { Inspection, Plan, PlannedInput, Split } from '../shared/plan.js';

export interface PlanOptions {
  readonly job: JobId;
  readonly codeVersion: string;
  readonly inspection: Inspection;
  readonly replaces: readonly string[];
}

export function makePlan({ job, codeVersion, inspection, replaces }: PlanOptions): Plan {
  const { descriptor, params, output, inputs, headers, limitRecords } = inspection;
  if (inputs.length > limits.inputsMax) {
    throw refused(`the job has ${inputs.length} inputs; at most ${limits.inputsMax} are allowed`);
  }
  const splits = planMaps(inputs, splitBytesOf(inspection));
  const isMapOnly = descriptor.kind === 'map-only';
  // A map-only job writes a part for each map task, and there is always a part.
  const maps = isMapOnly && splits.length === 0 ? [[]] : splits;
  if (maps.length > limits.mapTasksMax) {
    throw refused(
      `the job would have ${maps.length} map tasks; at most ${limits.mapTasksMax} are allowed: raise splitBytes`,
    );
  }
  const partitions = isMapOnly ? maps.length : partitionsOf(inspection);
  return {
    version: 1,
    job,
    codeVersion,
    descriptor,
    params,
    output,
    inputs,
    ...(headers && { headers }),
    maps,
    partitions,
    codec: 'none',
    memoryBytes: memoryBytesOf(inspection),
    limitRecords,
    replaces,
  };
}

function splitBytesOf({ descriptor, inputs }: Inspection): number {
  const splitBytes = descriptor.source.splitBytes ?? splitBytesDefault(bytesOf(inputs));
  const isAllowed =
    Number.isSafeInteger(splitBytes) && splitBytes >= limits.splitBytesMin && splitBytes <= limits.splitBytesMax;
  if (!isAllowed) {
    throw refused(`splitBytes is ${splitBytes}; it must be from ${limits.splitBytesMin} to ${limits.splitBytesMax}`);
  }
  return splitBytes;
}

function memoryBytesOf({ descriptor }: Inspection): number {
  const memoryBytes = descriptor.memoryBytes ?? limits.kernelBytesMax;
  const { memoryBytesMin, memoryBytesMax } = limits;
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < memoryBytesMin || memoryBytes > memoryBytesMax) {
    throw refused(`memory is ${memoryBytes} bytes; it must be from ${memoryBytesMin} to ${memoryBytesMax}`);
  }
  return memoryBytes;
}

/** More input makes larger tasks before it makes more of them. */
function splitBytesDefault(bytes: number): number {
  const { splitBytesDefaultMin, splitBytesDefaultMax, mapTasksDefault } = limits;
  return Math.min(Math.max(Math.ceil(bytes / mapTasksDefault), splitBytesDefaultMin), splitBytesDefaultMax);
}

function partitionsOf({ descriptor, inputs }: Inspection): number {
  const { partitions } = descriptor;
  if (partitions === undefined) {
    const wanted = Math.ceil(bytesOf(inputs) / limits.bytesPerPartitionDefault);
    return Math.min(Math.max(wanted, 1), limits.partitionsDefaultMax);
  }
  if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > limits.partitionsMax) {
    throw refused(`partitions is ${partitions}; it must be from 1 to ${limits.partitionsMax}`);
  }
  return partitions;
}

/** Bytes that will be read. */
export function bytesOf(inputs: readonly PlannedInput[]): number {
  return inputs.reduce((sum, input) => sum + input.end, 0);
}

/**
 * The splits of each map task: an input larger than `splitBytes` is cut into equal pieces, a task each; neighbouring
 * smaller ones share a task up to `splitBytes`; items are cut where their writer said, a task each.
 */
export function planMaps(inputs: readonly PlannedInput[], splitBytes: number): readonly (readonly Split[])[] {
  const maps: (readonly Split[])[] = [];
  let group: Split[] = [];
  let groupBytes = 0;
  const closeGroup = () => {
    if (group.length > 0) maps.push(group);
    group = [];
    groupBytes = 0;
  };
  for (const [input, { end, cuts }] of inputs.entries()) {
    if (end === 0) continue;
    if (cuts === undefined && end <= splitBytes) {
      if (groupBytes + end > splitBytes) closeGroup();
      group.push({ input, start: 0, end });
      groupBytes += end;
      continue;
    }
    closeGroup();
    const starts = cuts === undefined ? equalCuts(end, splitBytes) : cuts.filter((cut) => cut < end);
    for (const [i, start] of starts.entries()) maps.push([{ input, start, end: starts[i + 1] ?? end }]);
  }
  closeGroup();
  return maps;
}

function equalCuts(end: number, splitBytes: number): readonly number[] {
  const pieces = Math.ceil(end / splitBytes);
  if (pieces > limits.mapTasksMax) {
    throw refused(
      `an input of ${end} bytes would be ${pieces} map tasks; at most ${limits.mapTasksMax} are allowed: raise splitBytes`,
    );
  }
  // Whole numbers only: a rounded fraction could make a piece one byte too long.
  const pieceBytes = Math.floor(end / pieces);
  const longer = end % pieces;
  return Array.from({ length: pieces }, (_, i) => i * pieceBytes + Math.min(i, longer));
}

function refused(message: string): GristmillError {
  return new GristmillError('definition-invalid', message);
}
