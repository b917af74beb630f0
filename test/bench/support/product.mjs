/** The built product, opened in this process on stores of the benchmark's own. */
import path from 'node:path';

export const built = (file) => import(new URL(`../../../dist/${file}`, import.meta.url).href);
export const lib = (file) => built(`libs/${file}`);

/** `servers`: URLs of those that are not embedded. */
export const environmentIn = (folder, servers = {}) => ({
  EVENT_STORE_URL: servers.eventstoredb ?? `sqlite:${path.join(folder, 'events.db')}`,
  READ_STORE_URL: servers.mongodb ?? `sqlite:${path.join(folder, 'reads.db')}`,
  KEY_STORE_URL: servers.mongodbKeys ?? servers.mongodb ?? `sqlite:${path.join(folder, 'keys.db')}`,
  MASTER_KEY_FILE: path.join(folder, 'master.key'),
});

/** Stores opened and nothing started. */
export async function openProduct(environment, { slices } = {}) {
  await import('reflect-metadata');
  const { Product, readConfig } = await lib('composing/src/index.js');
  const { productSlices } = await lib('product/src/index.js');
  const config = readConfig(environment);
  return Product.open({
    config,
    slices: slices ?? productSlices(config),
    report: ({ level, code, message }) => {
      if (level !== 'info') console.error(`${level} ${code ?? ''} ${message}`);
    },
  });
}

/** With what dispatches commands and asks queries. */
export async function openBuses(product) {
  const { NestFactory } = await import('@nestjs/core');
  const { CommandBus, QueryBus } = await import('@nestjs/cqrs');
  const { Commands } = await lib('deciding/src/index.js');
  const context = await NestFactory.createApplicationContext(product.module(), { logger: false, abortOnError: false });
  const get = (type) => context.get(type, { strict: false });
  return { context, get, commands: get(Commands), bus: get(CommandBus), queries: get(QueryBus) };
}
