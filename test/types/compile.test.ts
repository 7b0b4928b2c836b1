import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** `jobs/refused.ts:12: message`, for every complaint of the compiler. */
function complaints(): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    `${folder}tsconfig.json`,
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
      },
    },
  );
  if (!config || config.fileNames.length < 3) throw new Error('no job files were found');
  const program = ts.createProgram(config.fileNames, config.options);
  return [...config.errors, ...ts.getPreEmitDiagnostics(program)].map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n');
    if (!file) return text;
    return `${file.fileName.replace(folder, '')}:${file.getLineAndCharacterOfPosition(start ?? 0).line + 1}: ${text}`;
  });
}

test('the compiler accepts what is right and refuses what is wrong, at the line that is wrong', () => {
  expect(complaints()).toEqual([]);
});
