/** The licences of packages that are inside bundled files: whoever gets a copy of their code gets their terms with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Folders of the packages whose files went into a bundle, by the metafile of its build. */
function packageFolders(root, metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].map((folder) => resolve(root, folder));
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  return { title: `${name} ${version} (${license})`, text };
}

export function licencesOf(root, metafiles) {
  const licences = packageFolders(root, metafiles).map(licenceOf);
  licences.sort((a, b) => (a.title < b.title ? -1 : 1));
  const head = 'Parts of these packages are inside the bundled files of this folder.\n';
  return [head, ...licences.map(({ title, text }) => `${'-'.repeat(80)}\n${title}\n${text}`)].join('\n');
}
