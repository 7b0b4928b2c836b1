/**
 * Whole jobs with real executors, whose stored shuffle objects are damaged between map and reduce, by seed: all damage is
 * found, each costs one run of a map task, and every result is, byte for byte, that of the undamaged job.
 */
import { isDeepStrictEqual } from 'node:util';
import { corruptedRun, corruptiblePlace, undamagedParts } from '../../harness/corrupted-run.js';
import type { Program } from './program.js';

export const corruptions: Program = async ({ number, verdicts }) => {
  const runs = number('runs', 20, 4);
  const place = corruptiblePlace();
  try {
    const right = await undamagedParts(place);
    let damaged = 0;
    let reruns = 0;
    for (let seed = 1; seed <= runs; seed++) {
      const run = await corruptedRun(place, seed);
      damaged += run.damaged;
      reruns += run.reruns;
      const isRight = run.ended.code === 0 && isDeepStrictEqual(run.parts, right);
      const figures = `seed ${seed}, ${run.what}: ${run.damaged} damaged, ${run.reruns} found and made again`;
      verdicts.judge('a job with damaged shuffle objects is right', isRight && run.reruns === run.damaged, figures);
    }
    const left = [...place.files('.gristmill'), ...place.files('out')].filter((file) => /shuffle|_staging/.test(file));
    verdicts.judge('nothing of the shuffle is left over', left.length === 0, left.join(', ') || 'no file');
    verdicts.note(`${runs} jobs, ${damaged} objects damaged, ${reruns} map tasks run again`);
  } finally {
    place.remove();
  }
};
