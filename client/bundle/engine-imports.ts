/** What a job file may import of the engine, and what no bundle can hold. */
import type { Plugin } from 'esbuild';
import { apiModule } from '../../shared/job/host.js';

const RESERVED = new Map([
  [
    'gristmill/testing',
    'a job file cannot import gristmill/testing: keep tests in a file of their own that imports the job',
  ],
  [
    'gristmill/client',
    'a job file cannot import gristmill/client: a job runs inside the engine, programs that start jobs do not',
  ],
]);

export const engineImports: Plugin = {
  name: 'gristmill',
  setup(build) {
    build.onResolve({ filter: /^gristmill(\/.*)?$/ }, ({ path }) => {
      if (path === 'gristmill') return { path: 'api', namespace: 'gristmill' };
      return { errors: [{ text: RESERVED.get(path) ?? `a job file imports 'gristmill', there is no '${path}'` }] };
    });
    build.onLoad({ filter: /^api$/, namespace: 'gristmill' }, () => ({ contents: apiModule(), loader: 'js' }));
    build.onResolve({ filter: /\.node$/ }, ({ path, importer }) => ({
      errors: [{ text: `${nativeModule(path, importer)}, and the options 'files' and 'external' are not built yet` }],
    }));
  },
};

function nativeModule(path: string, importer: string): string {
  const owner = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(importer.replaceAll('\\', '/'))?.[1];
  const name = path.replace(/.*\//, '');
  return `a bundle cannot hold native modules: ${name}${owner === undefined ? '' : ` of the package ${owner}`}`;
}
