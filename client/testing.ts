/** The entry point `gristmill/testing`: tests of jobs, in any test runner. See docs/guide/testing.md. */
export { runJob, type JobRun, type RunJobOptions } from './testing/run-job.js';
export type { Written } from './testing/written-rows.js';
