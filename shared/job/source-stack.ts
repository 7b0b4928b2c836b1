/**
 * An error of user code that runs where it was imported, not from a bundle: the frames of the user's own files, as the
 * runtime or the test runner has mapped them.
 */
import { fileURLToPath } from 'node:url';
import { stackOf, type Frame, type UserStack } from './user-stack.js';

/** Folders of this package, in a checkout as in `dist/`. */
const OWN = ['proto', 'shared', 'coordinator', 'worker', 'client'].map((folder) =>
  fileURLToPath(new URL(`../../${folder}/`, import.meta.url)),
);
const FRAME = /^\s*at (?:(.*?) \()?(?:async )?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)?$/;

export function sourceStack(thrown: unknown): UserStack {
  return stackOf(thrown, userFrames);
}

function userFrames(stack: string): readonly Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split('\n')) {
    const [, name, place = '', row, column] = FRAME.exec(line) ?? [];
    const path = pathOf(place);
    if (path === undefined || OWN.some((folder) => path.startsWith(folder))) continue;
    const where = `${path}:${row}:${column}`;
    frames.push({ text: name ? `at ${name.replace(/\bObject\.(?=\w)/, '')} (${where})` : `at ${where}`, where });
  }
  return frames;
}

function pathOf(place: string): string | undefined {
  if (!place.startsWith('file:')) return place === '' ? undefined : place.replace(/\?.*$/, '');
  try {
    return fileURLToPath(place);
  } catch {
    return undefined; // made up by user code
  }
}
