/**
 * Where wrapped keys are kept, apart from the log and from the read models. Two adapters: `sqlite/` and
 * `mongodb/`; both pass `testing/key-store.contract.ts`. It sees only wrapped bytes: `KeyRing` wraps and unwraps
 * with the master key, `PersonalVault` seals and opens `personal`.
 */
import type { Position } from '@timeline/kernel';

export interface StoredKey {
  /** Random UUID; events name it. Says nothing about whose key it is. */
  keyId: string;
  customerId: string;
  /**
   * What the customer's key is for: `personal`, or one claim of an identity. A key of its own per claim keeps the
   * owner of an identity out of the clear even by comparing key ids.
   */
  slot: string;
  /** AES-256-GCM under the master key, base64. */
  wrapped: string;
}

export interface KeyStoreIdentity {
  /** The log whose keys these are. */
  logId: string;
  /** SHA-256 of the master key, first 16 hex digits. */
  masterKeyFingerprint: string;
}

export abstract class KeyStore {
  /** undefined while the store is new. */
  abstract identity(): Promise<KeyStoreIdentity | undefined>;
  /** Sets it once. @throws FaultError KEY_STORE_FOREIGN when it is already set to something else */
  abstract claim(identity: KeyStoreIdentity): Promise<void>;

  /**
   * Inserts if (customerId, slot) has none; answers the one that is there afterwards, durably.
   * @throws DomainError CUSTOMER_ERASED once `destroy` was called for the customer, for good
   */
  abstract obtain(candidate: StoredKey): Promise<StoredKey>;

  /** Keys by id. A destroyed key answers 'destroyed'; an id never seen is not in the map. */
  abstract find(keyIds: readonly string[]): Promise<Map<string, StoredKey | 'destroyed'>>;

  /** Keys by owner, for one slot; undefined when there is none. */
  abstract findByOwner(customerId: string, slot: string): Promise<StoredKey | 'destroyed' | undefined>;

  /** Destroys every key of the customer, leaving tombstones of the key ids and of the customer id. Harmless when repeated. */
  abstract destroy(customerId: string): Promise<void>;

  /** A named secret (wrapped), inserted if absent; answers the one that is there afterwards. */
  abstract secret(name: string, candidate: string): Promise<string>;

  /** How far in the log erasures were carried out. */
  abstract erasedUpTo(): Promise<Position | undefined>;
  /** Only moves forward. */
  abstract setErasedUpTo(position: Position): Promise<void>;

  /** Whether it works, as far as can be told without making a key. @throws UnavailableError */
  async ping(): Promise<void> {
    await this.identity();
  }

  abstract close(): Promise<void>;
}
