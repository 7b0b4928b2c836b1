/** Commands that move data: from a request to its exit code. */
import { printConfig } from '../../shared/config/print.js';
import { loadConfig } from '../../shared/config/resolve.js';
import { storeAccessOf, type S3Config } from '../../shared/config/s3.js';
import { Stores } from '../../shared/store/stores.js';
import type { TransferRequest } from '../command/transfer-commands.js';
import type { Job } from '../job-types.js';
import { meansCoordinator, runConfig, type ClientConfig } from '../remote/config.js';
import type { CommandContext } from '../remote/context.js';
import { uploadSchema } from './config.js';

export async function transfer(request: TransferRequest, context: CommandContext): Promise<number> {
  if (request.kind === 'upload') {
    const config = loadConfig(uploadSchema, context);
    if (config.values.printConfig) return print(context, printConfig(config));
    const { upload } = await import('./upload.js');
    return withStores(config, (stores) => upload(context, request, stores));
  }
  const config = runConfig(context);
  if (config.values.printConfig) return print(context, printConfig(config));
  const job = await jobOf(request.job, context, config);
  const { showResults } = await import('./results.js');
  return withStores(config, (stores) => showResults(context, request, job, stores));
}

function print(context: CommandContext, text: string): number {
  context.write(text);
  return 0;
}

async function jobOf(name: string, context: CommandContext, config: ClientConfig): Promise<Job> {
  if (!meansCoordinator(config)) return (await import('../run/private-jobs.js')).jobHere(context, name);
  const [{ connected }, { withJob }] = await Promise.all([
    import('../remote/connect.js'),
    import('../remote/job-name.js'),
  ]);
  return connected(config, context.clock, (client) => withJob(client, name, (job) => client.get(job)));
}

async function withStores<T>(config: S3Config, use: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = new Stores(storeAccessOf(config));
  try {
    return await use(stores);
  } finally {
    await stores.close();
  }
}
