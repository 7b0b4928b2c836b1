/**
 * Takes the machine out of a bundle: the compiler names each file by its path from the job file, which for a package
 * depends on where (and through which links) its `node_modules` lies. Here a package's file is `node_modules/name/file.js`.
 */

/**
 * `code` and its source map as one text with an inline map. Paths stand in the map's sources, in the comment above each
 * file and in the key of a CommonJS file's wrapper, each of the latter two on a line of its own, so positions stay.
 */
export function portableBundle(code: string, map: string, paths: readonly string[]): string {
  const names = new Map(
    paths.map((path) => [path, portableName(path)] as const).filter(([path, name]) => path !== name),
  );
  const parsed = JSON.parse(map) as { sources: string[] };
  const sources = parsed.sources.map((source) => names.get(source) ?? source);
  const renamed =
    names.size === 0
      ? code
      : code.replace(PATH_LINE, (line, before: string, path: string, after = '') => {
          const name = names.get(path);
          return name === undefined ? line : `${before}${name}${String(after)}`;
        });
  const inline = Buffer.from(JSON.stringify({ ...parsed, sources })).toString('base64');
  return `${renamed}//# sourceMappingURL=data:application/json;base64,${inline}\n`;
}

/** `// ../node_modules/a/b.js` and `  "../node_modules/a/b.js"(exports, module) {`. */
const PATH_LINE = /^(\/\/ | {2}(?:async )?")(.+?)("\([^)]*\) \{)?$/gm;

function portableName(path: string): string {
  const start = path.lastIndexOf('node_modules/');
  return start < 0 ? path : path.slice(start);
}
