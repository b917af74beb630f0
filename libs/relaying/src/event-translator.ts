/**
 * Turns events into messages, and keeps order where it cannot: an event that cannot be mapped, or whose message is too
 * large, goes to `<topic>-parked` (position, event id and error code, never a payload), and later events of that
 * customer line up behind it there until they are released. Other customers go on. Pure but for what it remembers.
 */
import type { Fact, JsonObject, Position, Recorded, Upcasters } from '@timeline/kernel';
import { comparePositions, DomainError, errorCode, parsePosition } from '@timeline/kernel';
import type { StoredEvent } from '@timeline/event-store';
import type { PublicationState, PublicMessage } from '@timeline/messaging';
import { isTooLarge } from '@timeline/messaging';
import type { PublicEventMapping } from './public-events.js';
import { toCloudEvent } from './public-events.js';

/** The code of an event that is fine itself but waits behind another of its customer. */
export const BEHIND_PARKED = 'BEHIND_PARKED';

export const parkedTopicOf = (topic: string): string => `${topic}-parked`;

export interface Translation {
  messages: PublicMessage[];
  stateChanges: Map<string, JsonObject | null>;
}

/** A customer whose events wait in the parked topic, from `position` on. */
export interface ParkedCustomer {
  topic: string;
  /** The customer, or the stream of an event that concerns none. */
  key: string;
  position: Position;
  eventId: string;
  code: string;
}

interface ParkedKey extends ParkedCustomer {
  /** Set while a release is under way: what was published of the waiting events already. */
  releasedUpTo?: Position;
}

export interface TranslatorOptions {
  mappings: readonly PublicEventMapping[];
  upcasters: Upcasters;
  maxMessageBytes: number;
  schemaBase?: string;
}

const stateKeyOf = (topic: string, key: string): string => `parked:${topic}:${key}`;

/** The customer where there is one; else the stream, since an event that cannot be mapped has no subject. */
const parkingKeyOf = (event: StoredEvent): string => event.metadata.customerId ?? event.stream;

export class EventTranslator {
  readonly #options: TranslatorOptions;
  readonly #parked = new Map<string, ParkedKey>();

  constructor(options: TranslatorOptions, state: PublicationState) {
    this.#options = options;
    for (const [stateKey, value] of state) this.#parked.set(stateKey, readParkedKey(value));
  }

  /** How many customers (per topic) wait. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Who waits, and behind which event. */
  get waiting(): ParkedCustomer[] {
    return [...this.#parked.values()]
      .map(({ topic, key, position, eventId, code }) => ({ topic, key, position, eventId, code }))
      .sort((a, b) => comparePositions(a.position, b.position));
  }

  /** Where the first of the waiting events is, undefined when none waits. */
  get firstParked(): Position | undefined {
    let first: Position | undefined;
    for (const { position } of this.#parked.values()) {
      if (first === undefined || comparePositions(position, first) < 0) first = position;
    }
    return first;
  }

  translate(event: StoredEvent): Translation {
    const translation: Translation = { messages: [], stateChanges: new Map() };
    const recorded = this.#lifted(event);
    for (const mapping of this.#options.mappings) {
      const message = this.#map(mapping, recorded);
      if (message === undefined) continue;
      const key = parkingKeyOf(event);
      const isBehind = this.#parked.size > 0 && this.#parked.has(stateKeyOf(mapping.topic, key));
      if ('headers' in message && !isBehind) {
        translation.messages.push(message);
        continue;
      }
      const stateKey = stateKeyOf(mapping.topic, key);
      const code = 'headers' in message ? BEHIND_PARKED : message.code;
      if (!isBehind) {
        const parked = { topic: mapping.topic, key, position: event.position, eventId: event.id, code };
        this.#parked.set(stateKey, parked);
        translation.stateChanges.set(stateKey, { ...parked });
      }
      translation.messages.push({
        topic: parkedTopicOf(mapping.topic),
        key,
        value: JSON.stringify({ position: event.position, eventId: event.id, code }),
        headers: { 'content-type': 'application/json' },
      });
    }
    return translation;
  }

  /**
   * Goes through the log anew from `firstParked`, for the customers that wait now: `translate` answers what can be
   * published of an event at last, `finish` what to remember once the log has been gone through.
   */
  release(): { translate(event: StoredEvent): Translation; finish(): Map<string, JsonObject | null> } {
    const stuck = new Set<string>();
    return {
      translate: (event) => {
        const translation: Translation = { messages: [], stateChanges: new Map() };
        const recorded = this.#lifted(event);
        for (const mapping of this.#options.mappings) {
          const stateKey = stateKeyOf(mapping.topic, parkingKeyOf(event));
          const parked = this.#parked.get(stateKey);
          if (!parked || stuck.has(stateKey) || comparePositions(event.position, parked.position) < 0) continue;
          if (parked.releasedUpTo && comparePositions(event.position, parked.releasedUpTo) <= 0) continue;
          const message = this.#map(mapping, recorded);
          if (message === undefined) continue;
          let remembered: ParkedKey;
          if ('headers' in message) {
            translation.messages.push(message);
            remembered = { ...parked, releasedUpTo: event.position };
          } else {
            stuck.add(stateKey);
            const { topic, key } = parked;
            remembered = { topic, key, position: event.position, eventId: event.id, code: message.code };
          }
          this.#parked.set(stateKey, remembered);
          translation.stateChanges.set(stateKey, { ...remembered });
        }
        return translation;
      },
      finish: () => {
        const changes = new Map<string, JsonObject | null>();
        for (const stateKey of [...this.#parked.keys()]) {
          if (stuck.has(stateKey)) continue;
          this.#parked.delete(stateKey);
          changes.set(stateKey, null);
        }
        return changes;
      },
    };
  }

  /** Without personal data, and in its present form; or why it cannot be. */
  #lifted(event: StoredEvent): Recorded | { code: string } {
    try {
      const stored: Fact = { type: event.type, data: event.data };
      const { fact, schemaVersion } = this.#options.upcasters.lift(stored, event.metadata.schemaVersion);
      const { id, stream, revision, position, recordedAt } = event;
      const isAsStored = schemaVersion === event.metadata.schemaVersion;
      const metadata = isAsStored ? event.metadata : { ...event.metadata, schemaVersion };
      return { type: fact.type, data: fact.data, id, metadata, stream, revision, position, recordedAt };
    } catch (error) {
      return { code: errorCode(error) };
    }
  }

  /** The message, why there cannot be one, or undefined where the fact is not public. */
  #map(mapping: PublicEventMapping, event: Recorded | { code: string }): PublicMessage | { code: string } | undefined {
    if ('code' in event) return event;
    const { schemaBase, maxMessageBytes } = this.#options;
    try {
      const fact = mapping.map(event);
      if (fact === undefined) return undefined;
      if (mapping.schemas[fact.type]?.version !== fact.version) {
        throw new DomainError('PUBLIC_TYPE_UNDECLARED', `${fact.type} v${fact.version} has no schema in its mapping`);
      }
      const options = { topic: mapping.topic, ...(schemaBase === undefined ? {} : { schemaBase }) };
      const message = toCloudEvent(event, fact, options);
      return isTooLarge(message, maxMessageBytes) ? { code: 'MESSAGE_TOO_LARGE' } : message;
    } catch (error) {
      return { code: errorCode(error) };
    }
  }
}

function readParkedKey(value: JsonObject): ParkedKey {
  const text = (name: string): string => {
    const member = value[name];
    if (typeof member !== 'string') throw new TypeError(`a parked key lacks its ${name}`);
    return member;
  };
  const positionIn = (name: string): Position => parsePosition(text(name), text(name).slice(0, 12));
  const { topic, key, eventId, code } = {
    topic: text('topic'),
    key: text('key'),
    eventId: text('eventId'),
    code: text('code'),
  };
  const parked = { topic, key, position: positionIn('position'), eventId, code };
  return value['releasedUpTo'] === undefined ? parked : { ...parked, releasedUpTo: positionIn('releasedUpTo') };
}
