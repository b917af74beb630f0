/**
 * Lets a child process of a test run our TypeScript as it is: `node --import <this file> child.ts`. A test that kills
 * a process needs one to kill, before anything was built.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transform } from '@swc/core';

// Hooks run in a thread of their own, which loads this file again.
if (isMainThread) register(import.meta.url);

const libs = new URL('../../../', import.meta.url);

export async function resolve(specifier, context, nextResolve) {
  const library = /^@timeline\/(.+)$/.exec(specifier)?.[1];
  if (library) return nextResolve(new URL(`${library}/src/index.ts`, libs).href, context);
  if (specifier.startsWith('.') && specifier.endsWith('.js')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(fileURLToPath(source))) return nextResolve(source.href, context);
  }
  return nextResolve(specifier, context);
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const { code } = await transform(await readFile(new URL(url), 'utf8'), {
    filename: fileURLToPath(url),
    sourceMaps: 'inline',
    jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
