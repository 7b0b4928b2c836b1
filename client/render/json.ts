/** For programs: sums of checksums exceed what JSON's numbers hold, so they are decimal strings. */
export function jsonOf(value: object): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
}
