/** The hand-written programs as plain JavaScript: what makes TypeScript of them is not their fault. */
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { root } from './machine.js';

export type Peer = 'word-count-map' | 'word-count-table' | 'group-by-map' | 'group-by-duckdb';

/** Where each begins. */
const sources: Readonly<Record<Peer, string>> = {
  'word-count-map': 'bench/peers/word-count-map.ts',
  'word-count-table': 'bench/peers/word-count-table.ts',
  'group-by-map': 'bench/peers/group-by-map.ts',
  'group-by-duckdb': 'bench/peers/group-by-duckdb.ts',
};

/** Builds the program and returns its path. It lies in the checkout, where it finds the packages that it imports. */
export function peerProgram(peer: Peer): string {
  const outfile = join(root, '.cache/peers', `${peer}.mjs`);
  buildSync({
    entryPoints: [join(root, sources[peer])],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2022',
  });
  return outfile;
}
