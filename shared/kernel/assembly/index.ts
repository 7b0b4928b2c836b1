/** The data plane's inner loops, compiled to WebAssembly. `shared/kernel/kernel.ts` is their face in TypeScript. */
export {
  arenaRowsAt,
  blockPlaces,
  checkBlock,
  checkedSum,
  checkedWeight,
  keyBytes,
  kind,
  mixed,
  oversize,
  sum,
  valueBytes,
  weight,
  weighted,
  writeArenaRows,
  writeMergedRows,
  writeStates,
} from './block';
export { cutCells } from './cells';
export { cacheAdd, cacheClear, cacheInit, cacheSettle } from './key-cache';
export { inexact } from './exact-sum';
export { finishPart, layoutBegin, layoutPart, rowBytes, stride } from './layout';
export {
  foldClear,
  foldPlaces,
  given,
  groups,
  mergeEnd,
  mergeFold,
  mergeInit,
  mergeLoad,
  mergeRefilled,
  mergeRows,
  mergeStart,
  mergeWinner,
} from './merge';
export { recordPlace, regionsStart } from './places';
export { hasOther, hasReturn, narrowLines, scanLines } from './scan';
export { sortBegin, sortedRow, sortPartitions, sortRange, sortRows } from './sort';
export {
  collisions,
  tableAdd,
  tableAppend,
  tableClear,
  tableEntries,
  tableHash,
  tableIndex,
  tableInit,
  tableStart,
} from './table';
export { xxh64 } from './xxh64';
