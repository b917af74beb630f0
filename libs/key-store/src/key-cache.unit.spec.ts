import { newKey } from './aes-gcm.js';
import type { CachedKey } from './key-cache.js';
import { KeyCache } from './key-cache.js';

const keyOf = (customerId: string, slot = 'personal'): CachedKey => ({
  keyId: `key of ${customerId} for ${slot}`,
  customerId,
  slot,
  key: newKey(),
});

function cacheAt(lifetimeMs: number, size: number): { cache: KeyCache; advance(ms: number): void } {
  let now = 1_000;
  return { cache: new KeyCache(lifetimeMs, size, () => now), advance: (ms) => (now += ms) };
}

describe('the cache of keys', () => {
  it('answers by id and by owner', () => {
    const { cache } = cacheAt(60, 10);
    const keys = [keyOf('ada'), keyOf('ada', 'identity-1'), keyOf('bob')];
    for (const key of keys) cache.set(key.keyId, key, 1_000);
    for (const key of keys) {
      expect(cache.get(key.keyId)).toBe(key);
      expect(cache.ofOwner(key.customerId, key.slot)).toBe(key);
    }
    expect(cache.get('another')).toBeUndefined();
    expect(cache.ofOwner('bob', 'identity-1')).toBeUndefined();
  });

  it('ends a life one lifetime after the store was asked, however often the key was used', () => {
    const { cache, advance } = cacheAt(60, 10);
    const ada = keyOf('ada');
    advance(20);
    // The store took 20 ms to answer.
    cache.set(ada.keyId, ada, 1_000);
    advance(39);
    expect(cache.get(ada.keyId)).toBe(ada);
    expect(cache.ofOwner('ada', 'personal')).toBe(ada);
    advance(1);
    expect(cache.ofOwner('ada', 'personal')).toBeUndefined();
    expect(cache.get(ada.keyId)).toBeUndefined();
    // An answer that took longer than a lifetime is not kept at all.
    cache.set(ada.keyId, ada, 1_000);
    expect(cache.get(ada.keyId)).toBeUndefined();
  });

  it('gives up the least recently used when it is full', () => {
    const { cache } = cacheAt(60, 2);
    const [ada, bob, eve] = [keyOf('ada'), keyOf('bob'), keyOf('eve')];
    cache.set(ada.keyId, ada, 1_000);
    cache.set(bob.keyId, bob, 1_000);
    cache.get(ada.keyId);
    cache.set(eve.keyId, eve, 1_000);
    expect(cache.get(bob.keyId)).toBeUndefined();
    expect(cache.ofOwner('bob', 'personal')).toBeUndefined();
    expect(cache.get(ada.keyId)).toBe(ada);
    expect(cache.get(eve.keyId)).toBe(eve);
  });

  it('forgets every key of a customer, and keeps those of others and what was destroyed', () => {
    const { cache } = cacheAt(60, 10);
    const keys = [keyOf('ada'), keyOf('ada', 'identity-1'), keyOf('bob')];
    for (const key of keys) cache.set(key.keyId, key, 1_000);
    cache.set('gone', 'destroyed', 1_000);
    cache.forget('ada');
    expect(keys.map(({ keyId }) => cache.get(keyId))).toEqual([undefined, undefined, keys[2]]);
    expect(cache.ofOwner('ada', 'personal')).toBeUndefined();
    expect(cache.get('gone')).toBe('destroyed');
  });
});
