/** `npm start`: runs the word count as anybody would, then reads its result and says what to try next. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = 'out/word-count';
const command = ['run', 'examples/word-count.ts', '--overwrite', ...process.argv.slice(2)];

console.log(`$ npx gristmill ${command.join(' ')}\n`);
// Ctrl-C reaches the command too, and it is the command that decides how to end.
process.on('SIGINT', () => undefined);
const ran = spawnSync(process.execPath, [join(root, 'dist/client/main.js'), ...command], {
  cwd: root,
  stdio: 'inherit',
});
if (ran.status === 0 && command.length === 3) showWords();
process.exitCode = ran.status ?? 1;

function showWords() {
  const parts = readdirSync(join(root, output)).filter((name) => name.startsWith('part-'));
  const lines = parts.flatMap((name) => readFileSync(join(root, output, name), 'utf8').split('\n'));
  const words = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  words.sort((a, b) => b.value - a.value || (a.key < b.key ? -1 : 1));
  const long = words.filter((word) => word.key.length >= 6);
  console.log('\nThe top words of all addresses, and of those with six letters or more:\n');
  for (let place = 0; place < 10; place++) {
    console.log(`  ${String(place + 1).padStart(2)}  ${cell(words[place])}    ${cell(long[place])}`);
  }
  console.log(`
What to try next:
  head ${output}/part-*.jsonl    the result, a row for each word
  cat ${output}/_audit.jsonl     all that happened to the job
  npm start -- --dry-run               the plan alone
  npm start -- --limit 100             the first 100 records
  examples/word-count.ts               the job itself: change it and run it again`);
}

function cell(word) {
  return word ? word.key.padEnd(14) + String(word.value).padStart(8) : ''.padEnd(22);
}
