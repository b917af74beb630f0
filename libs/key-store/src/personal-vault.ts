/**
 * Seals `personal` before an event goes into the log, and opens it for whoever reads the log. A sealed text belongs
 * to its event: it opens nowhere else. What was sealed for an erased customer opens to `undefined`; whatever else
 * does not open is a fault, so that a person never goes nameless by accident.
 */
import type { KeyObject } from 'node:crypto';
import { FaultError } from '@timeline/kernel';
import type { Fact, Recorded, Recording, Upcasters } from '@timeline/kernel';
import { seal, unseal } from './aes-gcm.js';
import type { KeyRing } from './key-ring.js';

/** An event as the log answers it (`StoredEvent` of the event store): `personal` is ciphertext in base64. */
export interface SealedEvent extends Recording {
  readonly type: string;
  readonly data: object;
  readonly personal?: string;
}

export interface SealedPersonal {
  /** Goes into the event's metadata. */
  keyId: string;
  /** Base64 of IV, ciphertext and tag. */
  personal: string;
}

export class PersonalVault {
  constructor(
    private readonly ring: KeyRing,
    private readonly upcasters: Upcasters,
  ) {}

  /**
   * Seals with the customer's key for `slot` (default `personal`), which is durable before this resolves.
   * `personal` is a JSON object.
   * @throws DomainError CUSTOMER_ERASED; UnavailableError
   */
  async seal(personal: object, event: { eventId: string; customerId: string; slot?: string }): Promise<SealedPersonal> {
    const { keyId, key } = await this.ring.obtain(event.customerId, event.slot);
    return { keyId, personal: seal(key, JSON.stringify(personal), placeOf(event.eventId, keyId)) };
  }

  /**
   * Opens `personal` and lifts old versions, in order; at most one round trip to the key store for all of them.
   * @throws FaultError KEY_MISSING, KEY_UNOPENABLE, PERSONAL_UNOPENABLE; UnavailableError
   */
  async open(stored: readonly SealedEvent[]): Promise<Recorded[]> {
    const keyIds = new Set<string>();
    for (const event of stored) if (event.personal !== undefined) keyIds.add(keyIdOf(event));
    if (keyIds.size === 0) return stored.map((event) => this.#lifted(withoutPersonal(event)));
    const keys = await this.ring.fetch(keyIds);
    return stored.map((event) => this.#lifted(opened(event, keys)));
  }

  #lifted(event: Recorded): Recorded {
    const { fact, schemaVersion } = this.upcasters.lift(event, event.metadata.schemaVersion);
    if (fact === event) return event;
    const { type, data, personal } = fact;
    return { ...event, type, data, personal, metadata: { ...event.metadata, schemaVersion } };
  }
}

const placeOf = (eventId: string, keyId: string): string => `${eventId}:${keyId}`;

function keyIdOf(event: SealedEvent): string {
  const { keyId } = event.metadata;
  if (keyId === undefined) throw personalUnopenable(event, 'it names no key');
  return keyId;
}

function opened(event: SealedEvent, keys: Map<string, KeyObject | 'destroyed'>): Recorded {
  if (event.personal === undefined) return withoutPersonal(event);
  const keyId = keyIdOf(event);
  const key = keys.get(keyId);
  if (key === undefined) throw personalUnopenable(event, 'its key was not looked up');
  if (key === 'destroyed') return { ...event, personal: undefined };
  let text: string;
  try {
    text = unseal(key, event.personal, placeOf(event.id, keyId)).toString('utf8');
  } catch (error) {
    throw personalUnopenable(event, 'it was sealed with another key or for another event, or was changed', error);
  }
  // Only `seal` makes what passes the tag, from an object.
  return { ...event, personal: JSON.parse(text) as object };
}

/** Without `personal`, a sealed event is what readers get, as it is: types cannot see that the member is not there. */
const withoutPersonal = (event: SealedEvent): Recorded => event as Recording & Fact;

const personalUnopenable = (event: SealedEvent, why: string, cause?: unknown): FaultError =>
  new FaultError(
    'PERSONAL_UNOPENABLE',
    `personal data of event ${event.id} at ${event.position} does not open: ${why}. The log or the key store is damaged`,
    { cause },
  );
