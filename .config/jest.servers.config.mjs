// Only the tests that need real servers; `test/servers/run.mjs` starts those and sets their URLs.
import base from './jest.config.mjs';

export default {
  ...base,
  testMatch: ['<rootDir>/{libs,test}/**/*.servers.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 180_000,
  maxWorkers: 1,
};
