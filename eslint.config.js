import tseslint from 'typescript-eslint';

/** The arrows of the house: what each folder must not import. Docs: docs/architecture.md. */
const arrows = {
  proto: ['shared', 'coordinator', 'worker', 'client'],
  shared: ['coordinator', 'worker', 'client'],
  coordinator: ['worker', 'client'],
  worker: ['coordinator', 'client'],
};

const forbidden = (folders) => ({
  group: folders.flatMap((folder) => [`../${folder}/**`, `../../${folder}/**`, `../../../${folder}/**`]),
  message: 'Against the arrows of the house: see docs/architecture.md.',
});

const arrowRules = Object.entries(arrows).map(([folder, folders]) => ({
  files: [`${folder}/**/*.ts`],
  ignores: ['coordinator/scheduler/**'],
  rules: { 'no-restricted-imports': ['error', { patterns: [forbidden(folders)] }] },
}));

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'proto/generated/**',
      'shared/kernel/generated/**',
      'shared/kernel/assembly/**', // AssemblyScript: checked by its own compiler
      'test/fixtures/**',
      'test/types/jobs/**', // some of it must not compile
      '.gristmill/**',
      'out/**',
      '.cache/**',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/require-await': 'off',
      'no-restricted-globals': ['error', 'name', 'event'],
      eqeqeq: 'error',
    },
  },
  ...arrowRules,
  {
    files: ['coordinator/scheduler/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            forbidden(['worker', 'client']),
            {
              group: ['node:*', '@grpc/*', 'minio', 'pino', '../journal*', '../grpc/**'],
              message: 'The scheduler is pure: no I/O.',
            },
          ],
        },
      ],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate', 'process', 'performance', 'Date'],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness comes in as an event.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
);
