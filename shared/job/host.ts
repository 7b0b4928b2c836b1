/**
 * How a bundle finds the engine's own copy of the API: under one global symbol. In a bundle `import ... from 'gristmill'`
 * is a small module that re-exports from there, so that a bundle's identity does not depend on where the engine lies.
 */
import * as api from './index.js';

const API = 'gristmill.api.1';

/** Before a bundle is imported. Idempotent. */
export function installApi(): void {
  Object.defineProperty(globalThis, Symbol.for(API), { value: api, configurable: true });
}

/** The source text of the module that stands for `gristmill` in a bundle. */
export function apiModule(): string {
  const missing = `this bundle is a gristmill job: run it with "gristmill run"`;
  return [
    `const api = globalThis[Symbol.for(${JSON.stringify(API)})];`,
    `if (!api) throw new Error(${JSON.stringify(missing)});`,
    `export const { ${Object.keys(api).sort().join(', ')} } = api;`,
    '',
  ].join('\n');
}
