/**
 * One subscription of the server, pulled in order: events, checkpoints and "caught up" come out of the same
 * iterator, as many at a time as have come. The client tells the latter two by callback; here they are put into the
 * stream itself, so that each comes after the events before it however slowly the reader pulls. Back-pressure is the
 * stream's: the client reads on from the socket only when there is room.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  AllStreamResolvedEvent,
  AllStreamSubscription,
  EventStoreDBClient,
  Position as ClientPosition,
  ReadPosition,
} from '@eventstore/db-client';
import { toFilter } from './mapping.js';

export type EventStoreDbClient = Pick<
  EventStoreDBClient,
  'appendToStream' | 'readStream' | 'readAll' | 'subscribeToAll' | 'dispose'
>;

type Item = AllStreamResolvedEvent | { checkpoint: ClientPosition } | { caughtUp: true };

export interface LogSubscription {
  items: AsyncIterable<Item[]>;
  /** Ends it here and on the server. */
  stop(): void;
}

export function subscribeToLog(
  client: EventStoreDbClient,
  options: { fromPosition: ReadPosition; types: readonly string[] | undefined; bufferSize: number },
): LogSubscription {
  const checkpointReached = (to: AllStreamSubscription, checkpoint: ClientPosition): void =>
    void to.push({ checkpoint });
  const subscription = client.subscribeToAll(
    { fromPosition: options.fromPosition, filter: toFilter(options.types, checkpointReached), requiresLeader: true },
    { highWaterMark: options.bufferSize },
  );
  subscription.on('caughtUp', () => subscription.push({ caughtUp: true }));
  // The iterator throws what happens while it runs; what comes after it was left must not end the process.
  subscription.on('error', () => undefined);
  return {
    items: gathered(subscription, options.bufferSize),
    stop() {
      // Fails only if there never was a connection; then there is nothing to end.
      subscription.unsubscribe().catch(() => undefined);
      subscription.destroy();
    },
  };
}

/**
 * The client hands on event by event; a reader that takes each by itself makes a batch of each (catching up then costs a
 * tenth more here, and a projection fifty times as many writes). So it waits for as long as every turn brings more.
 */
async function* gathered(subscription: AllStreamSubscription, atOnce: number): AsyncGenerator<Item[]> {
  for await (const first of subscription as AsyncIterable<Item>) {
    for (let waiting = -1; subscription.readableLength > waiting && waiting < atOnce;) {
      waiting = subscription.readableLength;
      await nextTurn();
    }
    const items = [first];
    for (let item: Item | null = subscription.read(); item !== null; item = subscription.read()) items.push(item);
    yield items;
  }
}
