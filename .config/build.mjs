/**
 * `nest build` of both applications. The Nest CLI first `import`s and then `require`s the ES module `ora`, which
 * Node 20.19.0 refuses while it is still being loaded (ERR_REQUIRE_CYCLE_MODULE; later releases do not): loaded
 * before, it is there for both.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const nest = createRequire(import.meta.url).resolve('@nestjs/cli/bin/nest.js');
await import(pathToFileURL(createRequire(nest).resolve('ora')).href);
process.argv.splice(2, process.argv.length, 'build', 'timeline', 'cli');
await import(pathToFileURL(nest).href);
