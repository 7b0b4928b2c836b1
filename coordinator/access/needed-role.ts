/** The one table of what a call needs. What is not in it is refused to everybody. */
import type { Role } from '../../shared/access.js';

/** By the path of the call: of gRPC, and of a page of the HTTP port that other machines can reach. */
const NEEDED: Readonly<Record<string, Role | 'nothing'>> = {
  '/gristmill.v1.JobService/GetJob': 'read',
  '/gristmill.v1.JobService/ListJobs': 'read',
  '/gristmill.v1.JobService/WatchJob': 'read',
  '/gristmill.v1.JobService/GetLogs': 'read',
  '/gristmill.v1.JobService/UploadBundle': 'submit',
  '/gristmill.v1.JobService/SubmitJob': 'submit',
  '/gristmill.v1.JobService/CancelJob': 'submit',
  '/gristmill.v1.WorkerService/Session': 'worker',
  // Probes of cluster managers have no token, and learn no more than that the coordinator is there.
  '/grpc.health.v1.Health/Check': 'nothing',
  '/grpc.health.v1.Health/Watch': 'nothing',
  '/grpc.health.v1.Health/List': 'nothing',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'read',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'read',
  '/healthz': 'nothing',
  '/metrics': 'read',
};

/** Undefined: nobody may. */
export function neededFor(path: string): Role | 'nothing' | undefined {
  return Object.hasOwn(NEEDED, path) ? NEEDED[path] : undefined;
}

/** Whoever may submit may look on; a worker's token is for its session alone. */
export function isEnough(role: Role, needed: Role): boolean {
  return role === needed || role === 'admin' || (role === 'submit' && needed === 'read');
}
