/**
 * `node --import …/typescript-loader.mjs file.ts`: lets tests start a TypeScript file of this tree as a process of
 * its own, which can then be killed. Types are stripped, not checked.
 */
import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transformSync } from '@swc/core';

// The hooks run in a thread of Node's own, which loads this file again.
if (isMainThread) register(import.meta.url);

const libraries = new URL('../../../', import.meta.url);

export function resolve(specifier, context, nextResolve) {
  const library = /^@timeline\/(.+)$/.exec(specifier)?.[1];
  if (library) return nextResolve(new URL(`${library}/src/index.ts`, libraries).href, context);
  if (/^\.{1,2}\/.+\.js$/.test(specifier)) {
    const typescript = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(typescript)) return nextResolve(typescript.href, context);
  }
  return nextResolve(specifier, context);
}

export function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const { code } = transformSync(readFileSync(fileURLToPath(url), 'utf8'), {
    filename: fileURLToPath(url),
    jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
