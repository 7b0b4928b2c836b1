/** What the guides make certificates with; suites that need it are skipped without it, with a line that says so. */
import { spawnSync } from 'node:child_process';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('there is no openssl here: what the guides make with it is not tried');
