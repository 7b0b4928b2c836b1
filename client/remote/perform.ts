/** Commands about jobs of a standing coordinator: from a request to its exit code. */
import { printConfig } from '../../shared/config/print.js';
import type { JobRequest } from '../command/job-commands.js';
import { clientConfig, meansCoordinator } from './config.js';
import type { CommandContext } from './context.js';
import { cancelThere, jobsThere } from './job-list.js';
import { logsThere } from './logs.js';
import { submitThere, watchThere } from './run-there.js';

export async function perform(request: JobRequest, context: CommandContext): Promise<number> {
  const config = clientConfig(context);
  if (config.values.printConfig) {
    context.write(printConfig(config));
    return 0;
  }
  switch (request.kind) {
    case 'submit':
      return submitThere(context, request, config);
    case 'jobs':
      if (!meansCoordinator(config)) return (await import('../run/private-jobs.js')).jobsHere(context, request);
      return jobsThere(context, request, config);
    case 'watch':
      return watchThere(context, request, config);
    case 'logs':
      if (!meansCoordinator(config)) return (await import('../run/private-jobs.js')).logsHere(context, request);
      return logsThere(context, request, config);
    case 'cancel':
      return cancelThere(context, request, config);
  }
}
