/** Imports a bundle and finds its definition. Whatever goes wrong names the user's own file and line. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { systemClock, within } from '../clock.js';
import { GristmillError, type ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import { definitionOfModule, type LoadedDefinition } from './definition.js';
import { installApi } from './host.js';
import { userStackMapper } from './user-stack.js';

const STACK_FRAMES = 50;

/**
 * The definition in the bundle at `bundlePath`. Throws `definition-load-failed` when its code throws or does not run,
 * `definition-invalid`, `not-built-yet` and the like when a definition is refused, each with `where` and `userStack`.
 */
export async function loadDefinition(bundlePath: string): Promise<LoadedDefinition> {
  installApi();
  reportBundlePositions();
  const bundleUrl = pathToFileURL(bundlePath).href;
  try {
    return definitionOfModule(await importBundle(bundleUrl));
  } catch (thrown) {
    const { message, stack, where } = userStackMapper(bundleUrl, () => readFileSync(bundlePath, 'utf8'))(thrown);
    const own = thrown instanceof GristmillError;
    const code: ErrorCode = own ? thrown.code : 'definition-load-failed';
    throw new GristmillError(
      code,
      own ? thrown.message : `the job file cannot be loaded: ${message}${hintFor(message)}`,
      {
        cause: thrown,
        ...(where !== undefined && { where }),
        userStack: stack,
      },
    );
  }
}

/** Stacks keep the bundle's own positions, enough of them that the user's frames are reached below a library's. */
function reportBundlePositions(): void {
  process.setSourceMapsEnabled(false);
  Error.stackTraceLimit = STACK_FRAMES;
}

function importBundle(bundleUrl: string): Promise<Readonly<Record<string, unknown>>> {
  const importing = import(bundleUrl) as Promise<Readonly<Record<string, unknown>>>;
  return within(systemClock, limits.setupMsMax, importing, () => {
    const waited = `the job file did not finish loading within ${limits.setupMsMax / 1_000} s`;
    return new GristmillError('definition-load-failed', `${waited}: does a top-level await never end?`);
  });
}

/** Native modules that packages look up while they run are beyond the bundler's sight. */
function hintFor(message: string): string {
  if (!/\.node\b|native build|bindings file|NODE_MODULE_VERSION/i.test(message)) return '';
  return ". A bundle cannot hold native modules, and the options 'files' and 'external' are not built yet";
}
