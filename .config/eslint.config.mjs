import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'test/servers/eventstoredb-conformance.mjs',
      'dist/',
      'node_modules/',
      'data/',
      'coverage/',
      'apps/console/public/vendor/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        ...Object.fromEntries(
          [
            'process',
            'console',
            'module',
            'require',
            'setTimeout',
            'clearTimeout',
            'URL',
            'fetch',
            'Buffer',
            'setInterval',
            'clearInterval',
            'AbortController',
            'AbortSignal',
            'performance',
          ].map((name) => [name, 'readonly']),
        ),
      },
    },
  },
  {
    files: ['apps/console/**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'document',
          'window',
          'location',
          'history',
          'EventSource',
          'URLSearchParams',
          'Intl',
          'Chart',
          'customElements',
          'HTMLElement',
          'localStorage',
          'crypto',
          'sessionStorage',
          'navigator',
          'getComputedStyle',
          'TextDecoderStream',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  ...tseslint.configs.recommended.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // Nest reads constructor parameter types at run time, so those imports must stay values.
    files: ['**/*.controller.ts', '**/*.command.ts', '**/*.query.ts', '**/*.module.ts', '**/*.service.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
);
