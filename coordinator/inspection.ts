/** From what an `inspect` task left in the store to the frozen plan beside it. */
import { xxh64 as checksumOf } from '../shared/codec/checksum.js';
import { GristmillError } from '../shared/errors.js';
import { formatBytes, plural } from '../shared/figures.js';
import { storeKeys, type Inspection, type Plan } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { bytesOf, makePlan } from './planner.js';
import type { PlanFacts } from './scheduler/records.js';
import type { Job } from './scheduler/state.js';

/** The inspection, checked against the checksum that was reported before anything decodes it. */
export async function readInspection(store: ObjectStore, job: Job): Promise<Inspection> {
  const reported = job.state === 'validating' ? job.inspection : undefined;
  if (!reported) throw new GristmillError('internal', 'there is no inspection', { context: { job: job.id } });
  const { key, xxh64 } = reported;
  const bytes = await store.get(key);
  if (checksumOf(bytes) !== xxh64) throw invalid(key, 'its checksum is not the reported one');
  const inspection = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Inspection>;
  const { version, descriptor, inputs, output } = inspection;
  if (version !== 1 || !descriptor || !Array.isArray(inputs) || typeof output !== 'string') {
    throw invalid(key, 'it has not the fields that version 1 has');
  }
  return inspection as Inspection;
}

function invalid(key: string, reason: string): GristmillError {
  return new GristmillError('manifest-invalid', `the inspection cannot be used: ${reason}`, { context: { key } });
}

/** Freezes the plan; for a dry run it is only told. */
export async function writePlan(store: ObjectStore, job: Job) {
  const inspection = await readInspection(store, job);
  const { codeVersion, dryRun } = job.request;
  const replaces = job.state === 'validating' ? (job.claim?.replaces ?? []) : [];
  const plan = makePlan({ job: job.id, codeVersion, inspection, replaces });
  const facts: PlanFacts = {
    mapTasks: plan.maps.length,
    partitions: plan.partitions,
    inputs: plan.inputs.length,
    inputBytes: bytesOf(plan.inputs),
  };
  if (dryRun) return { plan: facts, notices: describe(plan, facts) };
  await store.put(storeKeys.plan(job.id), Buffer.from(JSON.stringify(plan)));
  return { plan: facts, notices: [] };
}

/** The plan in lines for a person. */
function describe({ descriptor, maps, partitions, output, limitRecords }: Plan, facts: PlanFacts): readonly string[] {
  const reduce = descriptor.kind === 'reduce' ? `, ${plural(partitions, 'reduce task')}` : ' that write the parts';
  return [
    `input: ${plural(facts.inputs, 'object')}, ${formatBytes(facts.inputBytes)}`,
    `tasks: ${plural(maps.length, 'map task')}${reduce}`,
    `output: ${output}, ${plural(partitions, 'part')} as ${descriptor.sink.format}`,
    ...(limitRecords === undefined ? [] : [`limit: the first ${plural(limitRecords, 'record')}`]),
  ];
}
