/**
 * A process of the built product that carries out commands told to it over IPC, on the stores that its environment names.
 * A command may come with a fate: at a step of its way through the event store (before and after each read and append),
 * or just before the owner's own event is appended, the process sends itself SIGKILL or SIGSTOP.
 */
import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { Product, readConfig } from '../../../dist/libs/composing/src/index.js';
import { CommandCatalogue, Commands } from '../../../dist/libs/deciding/src/index.js';
import { productSlices } from '../../../dist/libs/product/src/index.js';

const config = readConfig(process.env);
const product = await Product.open({ config, slices: productSlices(config) });
const { events } = product;

let fate;
function step(isOwners = false) {
  if (!fate || (fate.atStep === 'owner' ? !isOwners : (fate.atStep -= 1) > 0)) return;
  const { signal } = fate;
  fate = undefined;
  // At once, unlike a message over IPC.
  writeSync(1, `${signal}\n`);
  process.kill(process.pid, signal);
}
for (const name of ['readStream', 'append']) {
  const original = events[name].bind(events);
  events[name] = async (stream, ...rest) => {
    step(name === 'append' && stream.startsWith('customer-'));
    const result = await original(stream, ...rest);
    step();
    return result;
  };
}

const context = await NestFactory.createApplicationContext(product.module(), { logger: ['error'] });
const commands = context.get(Commands);
const catalogue = context.get(CommandCatalogue);

process.on('message', async ({ key, type, data, fate: told }) => {
  fate = told;
  try {
    const { id } = await commands.dispatch(catalogue.find(type), data, { caller: 'race', idempotencyKey: key });
    process.send({ id });
  } catch (error) {
    process.send({ code: error.code ?? String(error) });
  }
  fate = undefined;
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
