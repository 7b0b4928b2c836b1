/** The options with which a command reaches a coordinator, without anything that connects. */
import { DEFAULT_ORIGIN, loadConfig, type Config, type ConfigSources } from '../../shared/config/resolve.js';
import { clientSchema, runSchema } from '../../shared/config/schema.js';

export type ClientConfig = Config<typeof clientSchema>;

export function clientConfig(sources: ConfigSources): ClientConfig {
  return loadConfig(clientSchema, sources);
}

export function runConfig(sources: ConfigSources): Config<typeof runSchema> {
  return loadConfig(runSchema, sources);
}

/** True when somebody said which coordinator: commands that work without one then work with that one. */
export function namesCoordinator({ origins }: ClientConfig): boolean {
  return origins.coordinator !== DEFAULT_ORIGIN;
}

/** True when anything that was said is about a coordinator: else `jobs` and `logs` are about runs of this folder. */
export function meansCoordinator({ origins }: ClientConfig): boolean {
  return [origins.coordinator, origins.store, origins.tokenFile].some((origin) => origin !== DEFAULT_ORIGIN);
}
