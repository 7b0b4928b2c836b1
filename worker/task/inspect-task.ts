/**
 * The `inspect` task: what the definition says of itself, its parameters checked, its inputs found. The result is an
 * object in the store, whatever its size; the plan is made from it.
 */
import { xxh64 } from '../../shared/codec/checksum.js';
import { encodeItems } from './items.js';
import { GristmillError } from '../../shared/errors.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import { limits } from '../../shared/limits.js';
import { storeKeys, type FoundInputs, type Inspection } from '../../shared/plan.js';
import type { Assignment, TaskResult } from '../../shared/protocol.js';
import { resolveUri } from '../../shared/store/uri.js';

export interface InspectPorts {
  /** Inputs with what must be known of them before they are cut: the header of a CSV file. */
  findInputs(uris: readonly string[]): FoundInputs;
  put(key: string, bytes: Uint8Array): { readonly uri: string; readonly etag: string };
  /** What the items are called in a message about one of them. */
  readonly itemsCalled: string;
}

/** `params`: after the definition's schema. */
export function runInspect(
  assignment: Assignment,
  definition: LoadedDefinition,
  params: unknown,
  ports: InspectPorts,
): TaskResult {
  const { inspect, job, attempt } = assignment;
  if (!inspect) throw new GristmillError('internal', 'an inspect task without its specification');
  const { descriptor } = definition;
  const output = resolveUri(inspect.output ?? descriptor.sink.uri, inspect.baseUri);
  const inspection: Inspection = {
    version: 1,
    descriptor,
    params,
    ...inputsOf(assignment, definition, ports),
    output,
    limitRecords: inspect.limitRecords,
  };
  const bytes = Buffer.from(JSON.stringify(inspection));
  const key = storeKeys.inspection(job, attempt);
  ports.put(key, bytes);
  return { kind: 'inspect', key, xxh64: xxh64(bytes) };
}

function inputsOf(assignment: Assignment, definition: LoadedDefinition, ports: InspectPorts): FoundInputs {
  const { inspect, job, attempt } = assignment;
  const { source } = definition.descriptor;
  const given = inspect?.inputs ?? [];
  if (source.format !== 'items') return ports.findInputs(given.length > 0 ? given : source.uris);
  if (given.length > 0) {
    throw new GristmillError('command-line', 'the job reads items of its own (read.items): it takes no --input');
  }
  const items = (definition.items ?? []).slice(0, inspect?.limitRecords);
  if (items.length === 0) return { inputs: [] };
  const perSplit = source.itemsPerSplit ?? limits.itemsPerSplitDefault;
  const { bytes, cuts } = encodeItems({ items, itemsPerSplit: perSplit, job, attempt, called: ports.itemsCalled });
  const { uri, etag } = ports.put(storeKeys.items(job, attempt), bytes);
  return { inputs: [{ uri, bytes: bytes.length, end: bytes.length, etag, cuts }] };
}
