/** The plainest program that counts words. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export async function countedPlainly(path: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
