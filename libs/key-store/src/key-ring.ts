/**
 * The keys in the clear: makes them, wraps them with the master key for the `KeyStore`, unwraps and caches them.
 * What it answers is a key, or that the key was destroyed; anything else is a fault, never a missing name.
 */
import { randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { FaultError, logOf } from '@timeline/kernel';
import type { Position } from '@timeline/kernel';
import { newKey, unwrap, wrap } from './aes-gcm.js';
import { KEY_CACHE_LIFETIME_MS, KeyCache, ownerOf } from './key-cache.js';
import type { CachedKey } from './key-cache.js';
import type { KeyStore, KeyStoreIdentity, StoredKey } from './key-store.port.js';
import type { MasterKey } from './master-key.js';

export interface KeyRingOptions {
  store: KeyStore;
  masterKey: MasterKey;
  logId: string;
  /**
   * Whether a new key store may be taken into use; default true. Give false when the log already holds events: the
   * new store has not got their keys, and new ones must not be made beside them.
   */
  mayClaim?: boolean;
  /** How long a key may be used after it was read from the store; default `KEY_CACHE_LIFETIME_MS`. */
  cacheLifetimeMs?: number;
  /** Default 20,000 (about 35 MB). */
  cacheSize?: number;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
}

export interface DataKey {
  readonly keyId: string;
  readonly key: KeyObject;
}

/** A key by its id as it was found; a fault belongs to who wants that key, not to all who share the look-up. */
type Found = KeyObject | 'destroyed' | FaultError;

export class KeyRing {
  readonly cacheLifetimeMs: number;
  readonly #store: KeyStore;
  readonly #masterKey: MasterKey;
  readonly #logId: string;
  readonly #now: () => number;
  readonly #cache: KeyCache;
  /** Look-ups under way, so that concurrent callers share them: by key id, by owner, by name. */
  readonly #finding = new Map<string, Promise<Map<string, Found>>>();
  readonly #obtaining = new Map<string, Promise<DataKey>>();
  readonly #secrets = new Map<string, Promise<KeyObject>>();
  /** Counts destroys: what was asked for before one may hold a key that it destroyed, and is not kept. */
  #destroys = 0;

  private constructor({ store, masterKey, logId, ...options }: KeyRingOptions) {
    this.#store = store;
    this.#masterKey = masterKey;
    this.#logId = logId;
    this.cacheLifetimeMs = options.cacheLifetimeMs ?? KEY_CACHE_LIFETIME_MS;
    this.#now = options.now ?? (() => performance.now());
    this.#cache = new KeyCache(this.cacheLifetimeMs, options.cacheSize ?? 20_000, this.#now);
  }

  /**
   * Takes a new key store into use for this log and master key, or makes sure that it is theirs.
   * @throws FaultError KEY_STORE_FOREIGN, MASTER_KEY_WRONG, KEY_STORE_NEW; nothing is then written
   */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const { store, logId, masterKey } = options;
    const wanted: KeyStoreIdentity = { logId, masterKeyFingerprint: masterKey.fingerprint };
    const found = await store.identity();
    if (found) assertSame(found, wanted);
    else if (options.mayClaim ?? true) await store.claim(wanted);
    else {
      throw new FaultError(
        'KEY_STORE_NEW',
        'the key store is new, but the event log already holds events whose keys it has not got; ' +
          'restore the key store from its backup, or correct KEY_STORE_URL',
      );
    }
    return new KeyRing(options);
  }

  /**
   * The customer's key for `slot`, made if there is none; durable when answered.
   * @throws DomainError CUSTOMER_ERASED; FaultError KEY_UNOPENABLE; UnavailableError
   */
  async obtain(customerId: string, slot = 'personal'): Promise<DataKey> {
    const cached = this.#cache.ofOwner(customerId, slot);
    if (cached) return cached;
    const owner = ownerOf(customerId, slot);
    const underWay = this.#obtaining.get(owner);
    if (underWay) return underWay;
    const obtaining = this.#obtain(customerId, slot).finally(() => {
      if (this.#obtaining.get(owner) === obtaining) this.#obtaining.delete(owner);
    });
    this.#obtaining.set(owner, obtaining);
    return obtaining;
  }

  /**
   * Keys by id, in at most one round trip to the store.
   * @throws FaultError KEY_MISSING, KEY_UNOPENABLE; UnavailableError
   */
  async fetch(keyIds: Iterable<string>): Promise<Map<string, KeyObject | 'destroyed'>> {
    const answer = new Map<string, KeyObject | 'destroyed'>();
    const pending = new Map<string, Promise<Map<string, Found>>>();
    const missing: string[] = [];
    for (const keyId of new Set(keyIds)) {
      const cached = this.#cache.get(keyId);
      const finding = this.#finding.get(keyId);
      if (cached) answer.set(keyId, cached === 'destroyed' ? cached : cached.key);
      else if (finding) pending.set(keyId, finding);
      else missing.push(keyId);
    }
    if (missing.length > 0) {
      const finding = this.#find(missing).finally(() => {
        for (const keyId of missing) if (this.#finding.get(keyId) === finding) this.#finding.delete(keyId);
      });
      for (const keyId of missing) {
        this.#finding.set(keyId, finding);
        pending.set(keyId, finding);
      }
    }
    // All at once, so that none is left to reject unheard.
    await Promise.all(new Set(pending.values()));
    for (const [keyId, finding] of pending) {
      const found = (await finding).get(keyId) ?? keyMissing(keyId);
      if (found instanceof FaultError) throw found;
      answer.set(keyId, found);
    }
    return answer;
  }

  /** Destroys every key of the customer for good. Other processes may still use theirs for one `cacheLifetimeMs`. */
  async destroy(customerId: string): Promise<void> {
    try {
      await this.#store.destroy(customerId);
    } finally {
      // Also when it failed: whether it took effect is then unknown.
      this.#destroys++;
      this.#cache.forget(customerId);
      this.#finding.clear();
      this.#obtaining.clear();
    }
  }

  /** A random key under this name, the same for good. Kept in memory, since they are nobody's personal data. */
  async secret(name: string): Promise<KeyObject> {
    const present = this.#secrets.get(name);
    if (present) return present;
    const loading = this.#loadSecret(name);
    this.#secrets.set(name, loading);
    loading.catch(() => this.#secrets.delete(name));
    return loading;
  }

  /** How far in the log erasures were carried out. */
  async erasedUpTo(): Promise<Position | undefined> {
    return this.#store.erasedUpTo();
  }

  /** Only moves forward. */
  async setErasedUpTo(position: Position): Promise<void> {
    if (logOf(position) !== this.#logId) {
      throw new FaultError('KEY_STORE_FOREIGN', `position ${position} is not one of log ${this.#logId}`);
    }
    await this.#store.setErasedUpTo(position);
  }

  async #obtain(customerId: string, slot: string): Promise<DataKey> {
    const askedAt = this.#now();
    const destroys = this.#destroys;
    const keyId = randomUUID();
    const candidate = newKey();
    const stored = await this.#store.obtain({
      keyId,
      customerId,
      slot,
      wrapped: wrap(this.#masterKey.key, candidate, keyId),
    });
    const opened = stored.keyId === keyId ? { keyId, customerId, slot, key: candidate } : this.#unwrap(stored);
    if (opened instanceof FaultError) throw opened;
    if (destroys === this.#destroys) this.#cache.set(stored.keyId, opened, askedAt);
    return opened;
  }

  async #find(keyIds: string[]): Promise<Map<string, Found>> {
    const askedAt = this.#now();
    const destroys = this.#destroys;
    const found = new Map<string, Found>();
    for (const [keyId, stored] of await this.#store.find(keyIds)) {
      const opened = stored === 'destroyed' ? stored : this.#unwrap(stored);
      if (opened instanceof FaultError || opened === 'destroyed') found.set(keyId, opened);
      else found.set(keyId, opened.key);
      if (!(opened instanceof FaultError) && destroys === this.#destroys) this.#cache.set(keyId, opened, askedAt);
    }
    return found;
  }

  #unwrap({ keyId, customerId, slot, wrapped }: StoredKey): CachedKey | FaultError {
    try {
      return { keyId, customerId, slot, key: unwrap(this.#masterKey.key, wrapped, keyId) };
    } catch (error) {
      return unopenable(`key ${keyId}`, error);
    }
  }

  async #loadSecret(name: string): Promise<KeyObject> {
    // Not the shape of a key id, so that a secret cannot stand in for a key.
    const place = `secret:${name}`;
    const wrapped = await this.#store.secret(name, wrap(this.#masterKey.key, newKey(), place));
    try {
      return unwrap(this.#masterKey.key, wrapped, place);
    } catch (error) {
      throw unopenable(`secret ${name}`, error);
    }
  }
}

function assertSame(found: KeyStoreIdentity, wanted: KeyStoreIdentity): void {
  if (found.logId !== wanted.logId) {
    throw new FaultError(
      'KEY_STORE_FOREIGN',
      `the key store holds the keys of log ${found.logId}, but the event store is log ${wanted.logId}; ` +
        'EVENT_STORE_URL and KEY_STORE_URL must name two that belong together',
    );
  }
  if (found.masterKeyFingerprint !== wanted.masterKeyFingerprint) {
    throw new FaultError(
      'MASTER_KEY_WRONG',
      `the key store is wrapped with master key ${found.masterKeyFingerprint}, but MASTER_KEY_FILE holds ` +
        `${wanted.masterKeyFingerprint} (fingerprints); restore the right file`,
    );
  }
}

const keyMissing = (keyId: string): FaultError =>
  new FaultError(
    'KEY_MISSING',
    `key ${keyId}, which an event names, is not in the key store and was not destroyed either; ` +
      'the key store is older than the log or another one: restore its newest backup',
  );

const unopenable = (what: string, cause: unknown): FaultError =>
  new FaultError(
    'KEY_UNOPENABLE',
    `${what} does not open with the master key; the key store is damaged: restore its newest backup`,
    { cause },
  );
