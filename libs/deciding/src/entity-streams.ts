/**
 * Reads an entity from its own stream, for queries about one thing whose whole story is a handful of events: what was
 * acknowledged is there at once, and there is no read model to keep, rebuild or wait for. Lists and everything that
 * spans streams are projections.
 */
import { Injectable } from '@nestjs/common';
import { EventStore } from '@timeline/event-store';
import { PersonalVault } from '@timeline/key-store';
import { DomainError, parsePosition, type Fact, type Position, type Recorded } from '@timeline/kernel';
import { CustomerDirectory } from './customer-directory.port.js';

export interface EntityStream<Event extends Fact> {
  first: Recorded<Event>;
  events: readonly Recorded<Event>[];
  /** Of the last event: what `If-Match` of a command asks for. */
  revision: number;
  /** How far in the log this has seen. */
  position: Position | undefined;
}

@Injectable()
export class EntityStreams {
  constructor(
    private readonly events: EventStore,
    private readonly vault: PersonalVault,
    private readonly directory: CustomerDirectory,
  ) {}

  /**
   * Undefined where there is no such stream. `position` is the text of a `Timeline-Position` header.
   * @throws DomainError CUSTOMER_ERASED, POSITION_MALFORMED, POSITION_OF_ANOTHER_LOG, POSITION_NOT_REACHED
   */
  async read<Event extends Fact>(
    stream: string,
    position: string | undefined,
  ): Promise<EntityStream<Event> | undefined> {
    const needed = position === undefined ? undefined : parsePosition(position, this.events.logId);
    const head = (await this.events.head())?.position;
    if (needed !== undefined && (head === undefined || head < needed)) {
      throw new DomainError('POSITION_NOT_REACHED', `this log has not come to ${needed} yet; try again in a moment`);
    }
    // A slice's streams hold only the slice's own facts.
    const events = (await this.vault.open(await this.events.readStream(stream))) as unknown as Recorded<Event>[];
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return undefined;
    const { customerId } = first.metadata;
    // After the events were opened: whoever was erased in between must not be shown, not even in part.
    if (customerId !== undefined) await this.directory.resolve({ customerId });
    return { first, events, revision: last.revision, position: head };
  }
}
