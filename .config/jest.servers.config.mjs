// The tests that need real servers, and the end-to-end tests on them; `test/servers/run.mjs` starts those and sets their
// URLs. The other end-to-end tests are about embedded files, or about what no store has a say in.
import base from './jest.config.mjs';

export default {
  ...base,
  testMatch: [
    '<rootDir>/{libs,test}/**/*.servers.spec.ts',
    '<rootDir>/test/e2e/{main-job,idempotency,bad-input,operation,two-processes}.spec.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testSequencer: '<rootDir>/test/servers/sequencer.mjs',
  testTimeout: 180_000,
  maxWorkers: 1,
};
