/**
 * A log and a key store in memory for property tests: several processes work on them at once, each step of each is
 * let through by a gate, and a process can die before or after any step takes effect.
 */
import {
  EventStore,
  WrongExpectedRevisionError,
  type AppendResult,
  type ExpectedRevision,
  type LogHead,
  type NewEvent,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscriptionMessage,
} from '@timeline/event-store';
import { KeyStore, type KeyStoreIdentity, type StoredKey } from '@timeline/key-store';
import { DomainError, makePosition, toInstant, type Clock, type Position } from '@timeline/kernel';

/** Let through, or thrown when the process is dead. */
export type Gate = () => Promise<void>;

export const LOG_ID = '0123456789ab';

export class SimulatedLog {
  readonly events: StoredEvent[] = [];
  constructor(readonly clock: Clock) {}

  stream(name: string): StoredEvent[] {
    return this.events.filter((event) => event.stream === name);
  }
}

export class SimulatedEventStore extends EventStore {
  readonly logId = LOG_ID;

  constructor(
    private readonly log: SimulatedLog,
    private readonly gate: Gate,
  ) {
    super();
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    { expectedRevision }: { expectedRevision: ExpectedRevision },
  ): Promise<AppendResult> {
    await this.gate();
    const present = this.log.stream(stream);
    const actual = present.at(-1)?.revision ?? 'no-stream';
    if (actual !== expectedRevision) throw new WrongExpectedRevisionError(stream, expectedRevision, actual);
    for (const event of events) {
      this.log.events.push({
        ...event,
        stream,
        revision: this.log.stream(stream).length,
        position: makePosition(LOG_ID, String(this.log.events.length + 1).padStart(8, '0')),
        recordedAt: toInstant(this.log.clock.now()),
      });
    }
    const last = this.log.events.at(-1);
    if (!last) throw new Error('nothing was appended');
    const result = { revision: last.revision, position: last.position };
    await this.gate();
    return result;
  }

  appendUnsafelyAtAnyRevision(): Promise<AppendResult> {
    throw new Error('not simulated');
  }

  async readStream(
    stream: string,
    { fromRevision, direction = 'forwards', limit }: ReadStreamOptions = {},
  ): Promise<StoredEvent[]> {
    await this.gate();
    const events = this.log
      .stream(stream)
      .filter(({ revision }) => fromRevision === undefined || revision >= fromRevision);
    return (direction === 'forwards' ? events : events.reverse()).slice(0, limit);
  }

  async *readAll({ after, until, types }: ReadAllOptions = {}): AsyncIterable<StoredEvent[]> {
    await this.gate();
    yield this.log.events.filter(
      ({ position, type }) =>
        (after === undefined || position > after) &&
        (until === undefined || position <= until) &&
        (types?.includes(type) ?? true),
    );
  }

  subscribe(): AsyncIterable<SubscriptionMessage> {
    throw new Error('not simulated');
  }

  async head(): Promise<LogHead | undefined> {
    await this.gate();
    const last = this.log.events.at(-1);
    return last && { position: last.position, eventId: last.id, recordedAt: last.recordedAt };
  }

  async eventAt(asked: Position): Promise<StoredEvent | undefined> {
    await this.gate();
    return this.log.events.find(({ position }) => position === asked);
  }

  async close(): Promise<void> {}
}

/** What all processes' key stores hold. Destroyed keys are kept aside, so that the test can still read everything. */
export class SimulatedKeys {
  claimed: KeyStoreIdentity | undefined;
  readonly keys = new Map<string, StoredKey>();
  readonly destroyed = new Set<string>();
  readonly secrets = new Map<string, string>();
  erasedUpTo: Position | undefined;
}

export class SimulatedKeyStore extends KeyStore {
  constructor(
    private readonly shared: SimulatedKeys,
    private readonly gate: Gate,
    /** Opens what was destroyed too. */
    private readonly seesAll = false,
  ) {
    super();
  }

  async identity(): Promise<KeyStoreIdentity | undefined> {
    return this.shared.claimed;
  }
  async claim(identity: KeyStoreIdentity): Promise<void> {
    this.shared.claimed = identity;
  }
  async obtain(candidate: StoredKey): Promise<StoredKey> {
    await this.gate();
    if (this.shared.destroyed.has(candidate.customerId)) throw new DomainError('CUSTOMER_ERASED', 'erased');
    const present = this.#byOwner(candidate.customerId, candidate.slot);
    if (present) return present;
    this.shared.keys.set(candidate.keyId, candidate);
    return candidate;
  }
  async find(keyIds: readonly string[]): Promise<Map<string, StoredKey | 'destroyed'>> {
    await this.gate();
    const found = new Map<string, StoredKey | 'destroyed'>();
    for (const keyId of keyIds) {
      const key = this.shared.keys.get(keyId);
      if (key) found.set(keyId, this.#isDestroyed(key.customerId) ? 'destroyed' : key);
    }
    return found;
  }
  async findByOwner(customerId: string, slot: string): Promise<StoredKey | 'destroyed' | undefined> {
    await this.gate();
    return this.#isDestroyed(customerId) ? 'destroyed' : this.#byOwner(customerId, slot);
  }
  async destroy(customerId: string): Promise<void> {
    await this.gate();
    this.shared.destroyed.add(customerId);
    await this.gate();
  }
  async secret(name: string, candidate: string): Promise<string> {
    const present = this.shared.secrets.get(name) ?? candidate;
    this.shared.secrets.set(name, present);
    return present;
  }
  async erasedUpTo(): Promise<Position | undefined> {
    await this.gate();
    return this.shared.erasedUpTo;
  }
  async setErasedUpTo(position: Position): Promise<void> {
    await this.gate();
    if (this.shared.erasedUpTo === undefined || this.shared.erasedUpTo < position) this.shared.erasedUpTo = position;
  }
  async close(): Promise<void> {}

  #isDestroyed(customerId: string): boolean {
    return !this.seesAll && this.shared.destroyed.has(customerId);
  }
  #byOwner(customerId: string, slot: string): StoredKey | undefined {
    return [...this.shared.keys.values()].find((key) => key.customerId === customerId && key.slot === slot);
  }
}
