/** Opens the product for one command and closes it again. Nothing runs unless the command starts it. */
import { existsSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { Product, readConfig } from '@timeline/composing';
import { carryOutErasures } from '@timeline/customers';
import { DomainError, type Position } from '@timeline/kernel';
import { Parking, type AnyProjection, type FeedNotice } from '@timeline/projecting';
import { productSlices } from '@timeline/product';

export interface Opened {
  product: Product;
  projections: readonly AnyProjection[];
  parking: Parking;
  /** Nest's container, made when first asked for. */
  context(): Promise<INestApplicationContext>;
}

/** @param mayCreate whether stores may be made where there are none (only an import has use for that) */
export async function withProduct<T>(
  mayCreate: boolean,
  use: (opened: Opened) => Promise<T>,
  report?: (notice: FeedNotice) => void,
): Promise<T> {
  const config = readConfig(process.env);
  const file = config.eventStoreUrl.startsWith('sqlite:') ? config.eventStoreUrl.slice('sqlite:'.length) : undefined;
  if (!mayCreate && file && !existsSync(file)) {
    throw new DomainError(
      'EVENT_STORE_NOT_FOUND',
      `there is no event store at ${file}; start the product there first, or set EVENT_STORE_URL`,
    );
  }
  const slices = productSlices(config);
  const product = await Product.open({ config, slices, ...(report && { report }) });
  let context: INestApplicationContext | undefined;
  try {
    const { events, reads, vault, upcasters, engine } = product;
    await engine.builds.prepare();
    // A key store restored from a backup may hold keys that were destroyed: they go again before anything is read.
    await carryOutErasures(events, product.ring);
    const projections = engine.options.projections;
    const clock = engine.builds.clock;
    const parking = new Parking({ events, reads, vault, upcasters, builds: engine.builds, projections, clock });
    return await use({
      product,
      projections,
      parking,
      context: async () =>
        (context ??= await NestFactory.createApplicationContext(product.module(), {
          logger: false,
          abortOnError: false,
        })),
    });
  } finally {
    await context?.close();
    await product.stop();
  }
}

/** Aborts on the first Ctrl-C, so that what is under way ends at a clean place; a second one ends the process. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  return controller.signal;
}

/** Events in the log, for progress bars: counted where the log makes that cheap. */
export async function countEvents({ product }: Opened): Promise<number> {
  return offsetOf((await product.events.head())?.position);
}

/** How many events there are up to `position`; 0 where that cannot be told. */
export function offsetOf(position: Position | undefined): number {
  // The embedded log's offset is a row number; elsewhere it is a byte position and no count.
  const offset = position?.split(':')[1] ?? '';
  return /^\d{1,16}$/.test(offset) ? Number(offset) : 0;
}
