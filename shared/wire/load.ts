/** Loads the service definitions from `proto/`. 64-bit integers travel as decimal strings, enums as their names. */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as JobProto } from '../../proto/generated/job.js';
import type { ProtoGrpcType as WorkerProto } from '../../proto/generated/worker.js';

const folder = fileURLToPath(new URL('../../proto', import.meta.url));

/** All of it, for reflection. */
export const definition = loadSync(['gristmill/v1/job.proto', 'gristmill/v1/worker.proto'], {
  includeDirs: [folder],
  longs: String,
  enums: String,
  bytes: Buffer,
  defaults: true,
  oneofs: true,
});

const loaded = loadPackageDefinition(definition) as unknown as JobProto & WorkerProto;

export const JobService = loaded.gristmill.v1.JobService;
export const WorkerService = loaded.gristmill.v1.WorkerService;
