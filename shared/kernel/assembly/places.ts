/** Memory that every kernel may use at any time, below what JavaScript hands out as regions. */

const START: usize = (__heap_base + 127) & ~(<usize>63);

/** Histograms of the sort: 256 counts for each level. */
export const LEVELS: i32 = 64;
export const HISTOGRAMS: usize = START;
/** The key of the group that a merge is in, as long as a key may be. */
export const GROUP_KEY: usize = HISTOGRAMS + <usize>LEVELS * 1024;
const KEY_BYTES_MAX: usize = 65536;
/** A record in one piece, to be hashed. */
export const RECORD: usize = GROUP_KEY + KEY_BYTES_MAX + 128;
export const RECORD_BYTES: u32 = 131072;
const END: usize = RECORD + <usize>RECORD_BYTES + 128;

/** Where JavaScript's regions may begin. */
export function regionsStart(): usize {
  return END;
}

/** Where the last record that was hashed lies: u32 length of its key, the key, its value. */
export function recordPlace(): usize {
  return RECORD;
}
