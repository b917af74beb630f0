/**
 * `node --import <this file> program.ts` runs TypeScript from source, for tests that need a process of their own to
 * kill. Types are stripped by swc; `@timeline/<lib>` and `./file.js` lead to the sources, as in the Jest configuration.
 */
import { transformFile } from '@swc/core';
import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

const LIBS = new URL('../../../', import.meta.url);

export function resolve(specifier, context, next) {
  const lib = /^@timeline\/(.+)$/.exec(specifier)?.[1];
  if (lib) return next(new URL(`${lib}/src/index.ts`, LIBS).href, context);
  if (/^\.{1,2}\/.+\.js$/.test(specifier) && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return next(source.href, context);
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
    sourceFileName: pathToFileURL(fileURLToPath(url)).href,
  });
  return { format: 'module', source: code, shortCircuit: true };
}
