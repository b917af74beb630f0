/** Events, a mapping of them and a message log that fails when told to, for the relay's tests. */
import { newId } from '@timeline/kernel';
import type { EventMetadata, JsonObject } from '@timeline/kernel';
import type { EventStore, NewEvent } from '@timeline/event-store';
import type {
  InProcessMessageLog,
  OpenedPublication,
  PublicationSettings,
  PublicationWatch,
  PublicMessage,
} from '@timeline/messaging';
import { MessageLog } from '@timeline/messaging';
import type { PublicEventMapping } from '../public-events.js';

/** `public` is published, `private` maps to nothing, `broken` cannot be mapped, `huge` gives too large a message. */
export type Kind = 'public' | 'private' | 'broken' | 'huge';

export interface Happening {
  customer: string;
  kind: Kind;
  number: number;
}

export const LARGEST = 2_000;

/** `mended`: the mapping after somebody saw to the broken events. */
export const mapping = (topic: string, { mended = false, partitions = 1 } = {}): PublicEventMapping => ({
  topic,
  partitions,
  schemas: { 'test.happened': { version: 1, schema: { type: 'object', required: ['number'] } } },
  map: (event) => {
    // The fixtures' own events hold a number.
    const { number } = event.data as { number: number };
    if (event.type === 'TestWasPrivate') return undefined;
    if (event.type === 'TestWasBroken' && !mended) throw new TypeError('王芳 cannot be mapped');
    const padding = event.type === 'TestWasHuge' && !mended ? 'x'.repeat(LARGEST) : '';
    return { type: 'test.happened', version: 1, subject: event.stream, data: { number, padding } };
  },
});

const TYPES: Record<Kind, string> = {
  public: 'TestHappened',
  private: 'TestWasPrivate',
  broken: 'TestWasBroken',
  huge: 'TestWasHuge',
};

export function eventOf({ customer, kind, number }: Happening): NewEvent {
  const metadata: EventMetadata = {
    schemaVersion: 1,
    occurredAt: '2026-01-01T00:00:00.000Z',
    customerId: customer,
    actor: 'test',
    commandId: newId(),
    bodyHash: '',
    correlationId: 'correlation',
    causationId: 'causation',
  };
  const data: JsonObject = { number };
  return { id: newId(), type: TYPES[kind], data, personal: 'sealed', metadata };
}

export async function record(events: EventStore, happenings: readonly Happening[]): Promise<void> {
  await Promise.all(
    happenings.map((happening) =>
      events.append(`test-${happening.number}`, [eventOf(happening)], { expectedRevision: 'no-stream' }),
    ),
  );
}

/** `count` public events of `customers` customers, numbered from `from`. */
export const publicOnes = (count: number, { from = 0, customers = 5 } = {}): Happening[] =>
  Array.from({ length: count }, (_, index) => ({
    customer: `customer-${(from + index) % customers}`,
    kind: 'public',
    number: from + index,
  }));

export const numberIn = (message: PublicMessage): number => {
  // Values of the fixtures' mapping.
  const data = JSON.parse(message.value ?? '{}') as { number: number };
  return data.number;
};

/** What a call of the log meets: nothing, or an error before or after it took effect. */
export type Mishap = { error: Error; when: 'before' | 'after' } | undefined;

/** Asks before every opening and publishing whether something goes wrong. */
export class UnreliableMessageLog extends MessageLog {
  readonly maxMessageBytes: number;

  constructor(
    readonly inner: InProcessMessageLog,
    readonly mishap: (call: 'open' | 'publish') => Mishap | Promise<Mishap>,
  ) {
    super();
    this.maxMessageBytes = inner.maxMessageBytes;
  }

  async open(settings: PublicationSettings): Promise<OpenedPublication> {
    const opened = await this.#meet('open', () => this.inner.open(settings));
    const { publication } = opened;
    return {
      ...opened,
      publication: {
        publish: (...args) => this.#meet('publish', () => publication.publish(...args)),
        close: () => publication.close(),
      },
    };
  }

  watch(publicationId: string): Promise<PublicationWatch> {
    return this.inner.watch(publicationId);
  }
  ping(): Promise<void> {
    return this.inner.ping();
  }
  close(): Promise<void> {
    return this.inner.close();
  }

  async #meet<T>(call: 'open' | 'publish', work: () => Promise<T>): Promise<T> {
    const mishap = await this.mishap(call);
    if (mishap?.when === 'before') throw mishap.error;
    const result = await work();
    if (mishap) throw mishap.error;
    return result;
  }
}

/** Everything a topic holds now. */
export async function held(log: InProcessMessageLog, topic: string): Promise<PublicMessage[]> {
  const ended = new AbortController();
  const messages: PublicMessage[] = [];
  // What is held comes without waiting; once the reader has to wait, all of it has been read.
  setImmediate(() => ended.abort());
  for await (const message of log.read(topic, { signal: ended.signal })) messages.push(message);
  return messages;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}
