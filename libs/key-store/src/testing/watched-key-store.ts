/** A key store that counts the calls that reach it, and can be made to wait, fail or answer late. */
import type { Position } from '@timeline/kernel';
import { KeyStore } from '../key-store.port.js';
import type { KeyStoreIdentity, StoredKey } from '../key-store.port.js';

export class WatchedKeyStore extends KeyStore {
  /** Names of the calls, in order. */
  readonly calls: string[] = [];
  /** Runs after the store has answered and before the caller gets it. */
  onAnswer: (call: string) => Promise<void> = async () => undefined;

  constructor(readonly inner: KeyStore) {
    super();
  }

  count(call: string): number {
    return this.calls.filter((name) => name === call).length;
  }

  identity(): Promise<KeyStoreIdentity | undefined> {
    return this.#watch('identity', () => this.inner.identity());
  }
  claim(identity: KeyStoreIdentity): Promise<void> {
    return this.#watch('claim', () => this.inner.claim(identity));
  }
  obtain(candidate: StoredKey): Promise<StoredKey> {
    return this.#watch('obtain', () => this.inner.obtain(candidate));
  }
  find(keyIds: readonly string[]): Promise<Map<string, StoredKey | 'destroyed'>> {
    return this.#watch('find', () => this.inner.find(keyIds));
  }
  findByOwner(customerId: string, slot: string): Promise<StoredKey | 'destroyed' | undefined> {
    return this.#watch('findByOwner', () => this.inner.findByOwner(customerId, slot));
  }
  destroy(customerId: string): Promise<void> {
    return this.#watch('destroy', () => this.inner.destroy(customerId));
  }
  secret(name: string, candidate: string): Promise<string> {
    return this.#watch('secret', () => this.inner.secret(name, candidate));
  }
  erasedUpTo(): Promise<Position | undefined> {
    return this.#watch('erasedUpTo', () => this.inner.erasedUpTo());
  }
  setErasedUpTo(position: Position): Promise<void> {
    return this.#watch('setErasedUpTo', () => this.inner.setErasedUpTo(position));
  }
  close(): Promise<void> {
    return this.inner.close();
  }

  async #watch<T>(call: string, answer: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    const answered = await answer();
    await this.onAnswer(call);
    return answered;
  }
}
