/** Where things are in the one store of a test: a URI stands for the key that its path is. */

/** Of all that a job writes, whatever its definition says. */
export const OUTPUT_URI = 'file:///output';

export function uriOf(key: string): string {
  return `memory:/${key}`;
}

export function keyIn(uri: string): string {
  return uri.replace(/^[a-z]+:\/+/, '');
}
