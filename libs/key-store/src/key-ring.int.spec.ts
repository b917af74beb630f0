import { KeyObject, randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { FaultError, makePosition, UnavailableError } from '@timeline/kernel';
import { newKey } from './aes-gcm.js';
import type { KeyRingOptions } from './key-ring.js';
import { KeyRing } from './key-ring.js';
import { KeyedHashes } from './keyed-hashes.js';
import type { MasterKey } from './master-key.js';
import { openKeyStore } from './open-key-store.js';
import { candidateFor, codeOf } from './testing/key-store.contract.js';
import { WatchedKeyStore } from './testing/watched-key-store.js';

// To Jest any two keys are equal: their bytes are no property of theirs.
expect.addEqualityTesters([
  (one, other) => (one instanceof KeyObject && other instanceof KeyObject ? one.equals(other) : undefined),
]);

const newMasterKey = (): MasterKey => ({ key: newKey(), fingerprint: randomUUID() });
const masterKey = newMasterKey();
const logId = 'a1b2c3d4e5f6';

let store: WatchedKeyStore;
let now: number;
beforeEach(async () => {
  store = new WatchedKeyStore(await openKeyStore('sqlite::memory:'));
  now = 0;
});
afterEach(() => store.close());

/** Another process on the same store: a ring with a cache of its own. */
const openRing = (options: Partial<KeyRingOptions> = {}): Promise<KeyRing> =>
  KeyRing.open({ store, masterKey, logId, now: () => now, ...options });

describe('opening the key ring', () => {
  it('takes a new store into use for its log and master key, and finds it its own afterwards', async () => {
    await openRing();
    expect(await store.identity()).toEqual({ logId, masterKeyFingerprint: masterKey.fingerprint });
    await openRing({ mayClaim: false });
    expect(store.count('claim')).toBe(1);
  });

  it.each([
    ['KEY_STORE_FOREIGN', 'of another log', { logId: 'ffffffffffff' }],
    ['MASTER_KEY_WRONG', 'wrapped with another master key', { masterKey: newMasterKey() }],
  ])('refuses with %s a store %s, and touches nothing', async (code, _which, other) => {
    await openRing();
    store.calls.length = 0;
    expect(await codeOf(openRing(other))).toBe(code);
    expect(store.calls).toEqual(['identity']);
  });

  it('refuses a new store beside a log that holds events', async () => {
    expect(await codeOf(openRing({ mayClaim: false }))).toBe('KEY_STORE_NEW');
    expect(await store.identity()).toBeUndefined();
  });

  it('leaves one of two that open a new store at once with different logs outside', async () => {
    const codes = await Promise.all([codeOf(openRing()), codeOf(openRing({ logId: 'ffffffffffff' }))]);
    expect(codes.sort()).toEqual(['KEY_STORE_FOREIGN', 'no error']);
  });
});

describe('a key of the ring', () => {
  it('is the same 32 bytes for every process, by owner and by id, and another for every slot', async () => {
    const [one, other] = [await openRing(), await openRing()];
    const key = await one.obtain('ada');
    expect(key.key.symmetricKeySize).toBe(32);
    expect(await other.obtain('ada', 'personal')).toMatchObject({ keyId: key.keyId, key: key.key });
    expect(await (await openRing()).fetch([key.keyId])).toEqual(new Map([[key.keyId, key.key]]));
    const claim = await one.obtain('ada', 'identity-1');
    expect(claim.keyId).not.toBe(key.keyId);
    expect(claim.key).not.toEqual(key.key);
  });

  it('is never in the store in the clear', async () => {
    const { keyId, key } = await (await openRing()).obtain('ada');
    const stored = (await store.find([keyId])).get(keyId);
    if (!stored || stored === 'destroyed') throw new Error('the key is stored');
    const bytes = Buffer.from(stored.wrapped, 'base64');
    expect(bytes).toHaveLength(12 + 32 + 16);
    expect(bytes.includes(key.export().subarray(0, 8))).toBe(false);
  });

  it('that is not there is a fault, and so is one that does not open', async () => {
    const ring = await openRing();
    const good = await ring.obtain('ada');
    expect(await codeOf(ring.fetch([good.keyId, randomUUID()]))).toBe('KEY_MISSING');
    const bad = await store.obtain(candidateFor('bob'));
    expect(await codeOf(ring.fetch([bad.keyId]))).toBe('KEY_UNOPENABLE');
    expect(await codeOf(ring.obtain('bob'))).toBe('KEY_UNOPENABLE');
    expect(await ring.fetch([good.keyId])).toEqual(new Map([[good.keyId, good.key]]));
  });

  it('does not open under the id of another key', async () => {
    const ring = await openRing();
    const { keyId } = await ring.obtain('ada');
    const stored = (await store.find([keyId])).get(keyId);
    if (!stored || stored === 'destroyed') throw new Error('the key is stored');
    const swapped = await store.obtain({ ...stored, keyId: randomUUID(), customerId: 'bob' });
    expect(await codeOf(ring.fetch([swapped.keyId]))).toBe('KEY_UNOPENABLE');
  });
});

describe('the cache of the ring', () => {
  it('asks the store once for all who want the same key at the same time', async () => {
    const ring = await openRing();
    const obtained = await Promise.all(Array.from({ length: 50 }, () => ring.obtain('ada')));
    expect(new Set(obtained.map(({ keyId }) => keyId)).size).toBe(1);
    expect(store.count('obtain')).toBe(1);

    const { keyId } = await ring.obtain('bob');
    const [ada = ''] = obtained.map((key) => key.keyId);
    const fresh = await openRing();
    const found = await Promise.all(Array.from({ length: 50 }, (_, i) => fresh.fetch(i % 2 ? [ada, keyId] : [ada])));
    expect(new Set(found.map((keys) => keys.get(ada)))).toEqual(new Set([obtained[0]?.key]));
    // The first asks for one key, the second for what the first did not, the others for nothing.
    expect(store.count('find')).toBe(2);
    await fresh.fetch([ada, keyId, ada]);
    await fresh.obtain('ada');
    expect([store.count('find'), store.count('obtain')]).toEqual([2, 2]);
  });

  it('fetches a batch in one round trip', async () => {
    const ring = await openRing();
    const keys = await Promise.all(Array.from({ length: 500 }, (_, index) => ring.obtain(`customer-${index}`)));
    const found = await (await openRing()).fetch(keys.map(({ keyId }) => keyId));
    expect(found).toEqual(new Map(keys.map(({ keyId, key }) => [keyId, key])));
    expect(store.count('find')).toBe(1);
  });

  it('keeps a missing key to those who want it', async () => {
    const ring = await openRing();
    const { keyId, key } = await ring.obtain('ada');
    const fresh = await openRing();
    const lost = randomUUID();
    const [both, one] = await Promise.allSettled([fresh.fetch([keyId, lost]), fresh.fetch([keyId])]);
    expect(both.status).toBe('rejected');
    expect(one).toEqual({ status: 'fulfilled', value: new Map([[keyId, key]]) });
  });

  it('forgets failures: a store that was away is asked again', async () => {
    const ring = await openRing();
    let isAway = true;
    store.onAnswer = async () => {
      if (isAway) throw new UnavailableError('key store', 'away');
    };
    const calls = [() => ring.obtain('ada'), () => ring.secret('body-hash'), () => ring.fetch([randomUUID()])];
    for (const call of calls) {
      const codes = await Promise.all([codeOf(call()), codeOf(call())]);
      expect(codes).toEqual(['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE']);
    }
    isAway = false;
    const { keyId, key } = await ring.obtain('ada');
    expect(await ring.fetch([keyId])).toEqual(new Map([[keyId, key]]));
    expect((await ring.secret('body-hash')).symmetricKeySize).toBe(32);
  });

  it('lets go of a key that another process destroyed within one lifetime', async () => {
    const [one, other] = [await openRing({ cacheLifetimeMs: 5_000 }), await openRing({ cacheLifetimeMs: 5_000 })];
    expect(one.cacheLifetimeMs).toBe(5_000);
    const { keyId, key } = await one.obtain('ada');
    await other.destroy('ada');
    now += 4_999;
    expect(await one.fetch([keyId])).toEqual(new Map([[keyId, key]]));
    now += 1;
    expect(await one.fetch([keyId])).toEqual(new Map([[keyId, 'destroyed']]));
    expect(await codeOf(one.obtain('ada'))).toBe('CUSTOMER_ERASED');
  });

  it('stays within its size', async () => {
    const ring = await openRing({ cacheSize: 10 });
    const keys = await Promise.all(Array.from({ length: 30 }, (_, index) => ring.obtain(`customer-${index}`)));
    await ring.fetch(keys.slice(20).map(({ keyId }) => keyId));
    expect(store.count('find')).toBe(0);
    await ring.fetch(keys.slice(19).map(({ keyId }) => keyId));
    expect(store.count('find')).toBe(1);
  });
});

describe('destroying through the ring', () => {
  it('is seen by the same process at once, in every slot, and concerns nobody else', async () => {
    const ring = await openRing();
    const keys = [await ring.obtain('ada'), await ring.obtain('ada', 'identity-1')];
    const bob = await ring.obtain('bob');
    await ring.destroy('ada');
    const expected = new Map<string, KeyObject | 'destroyed'>(keys.map(({ keyId }) => [keyId, 'destroyed']));
    expect(await ring.fetch([...keys, bob].map(({ keyId }) => keyId))).toEqual(expected.set(bob.keyId, bob.key));
    expect(await codeOf(ring.obtain('ada'))).toBe('CUSTOMER_ERASED');
    expect(await codeOf(ring.obtain('ada', 'new slot'))).toBe('CUSTOMER_ERASED');
  });

  it.each(['find', 'obtain'])('keeps nothing of a %s that was under way', async (call) => {
    const ring = await openRing();
    const { keyId } = await (await openRing()).obtain('ada');
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    store.onAnswer = async (name) => {
      if (name === call) await held;
    };
    // The store has answered with the key; the answer is still on its way when the key is destroyed.
    const late = call === 'find' ? ring.fetch([keyId]) : ring.obtain('ada');
    while (!store.calls.includes(call)) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    await ring.destroy('ada');
    store.onAnswer = async () => undefined;
    expect(await ring.fetch([keyId])).toEqual(new Map([[keyId, 'destroyed']]));
    answer();
    await late;
    expect(await ring.fetch([keyId])).toEqual(new Map([[keyId, 'destroyed']]));
    expect(await codeOf(ring.obtain('ada'))).toBe('CUSTOMER_ERASED');
  });
});

describe('secrets and progress', () => {
  it('a secret is 32 random bytes, one for a name, the same for every process', async () => {
    const [one, other] = [await openRing(), await openRing()];
    const secret = await one.secret('body-hash');
    expect(secret.symmetricKeySize).toBe(32);
    expect(await other.secret('body-hash')).toEqual(secret);
    expect(await one.secret('identity-hash')).not.toEqual(secret);
    store.calls.length = 0;
    await Promise.all([one.secret('body-hash'), other.secret('body-hash')]);
    expect(store.calls).toEqual([]);
  });

  it('a secret that does not open is a fault, never made anew', async () => {
    await store.secret('body-hash', candidateFor('nobody').wrapped);
    expect(await codeOf((await openRing()).secret('body-hash'))).toBe('KEY_UNOPENABLE');
  });

  it('how far erasures went is kept, and refused for another log', async () => {
    const ring = await openRing();
    expect(await ring.erasedUpTo()).toBeUndefined();
    await ring.setErasedUpTo(makePosition(logId, '00000000000000000042'));
    expect(await ring.erasedUpTo()).toBe('a1b2c3d4e5f6:00000000000000000042');
    await expect(ring.setErasedUpTo(makePosition('ffffffffffff', '99'))).rejects.toThrow(FaultError);
  });
});

describe('keyed hashes', () => {
  it('are the same in every process of one store, and others with another', async () => {
    const hashes = await KeyedHashes.load(await openRing());
    const again = await KeyedHashes.load(await openRing());
    const elsewhere = new WatchedKeyStore(await openKeyStore('sqlite::memory:'));
    const foreign = await KeyedHashes.load(await openRing({ store: elsewhere }));
    expect(hashes.hashBody('{"a":1}')).toMatch(/^[0-9a-f]{32}$/);
    expect(again.hashBody('{"a":1}')).toBe(hashes.hashBody('{"a":1}'));
    expect(foreign.hashBody('{"a":1}')).not.toBe(hashes.hashBody('{"a":1}'));
    expect(again.hashIdentity('email', 'ada@example.org')).toBe(hashes.hashIdentity('email', 'ada@example.org'));
    await elsewhere.close();
  });

  it('keep values, kinds and purposes apart', async () => {
    const hashes = await KeyedHashes.load(await openRing());
    const all = [
      hashes.hashBody('x'),
      hashes.hashBody('y'),
      hashes.hashIdentity('email', 'x'),
      hashes.hashIdentity('phone', 'x'),
      hashes.hashIdentity('ab', 'c'),
      hashes.hashIdentity('a', 'bc'),
      hashes.hashIdentity('', '5:emailx'),
      hashes.hashBody('5:emailx'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the URL of a key store', () => {
  it('that names no known kind is refused without repeating it', async () => {
    const refusal = openKeyStore('postgres://user:hunter2@host/keys');
    await expect(refusal).rejects.toMatchObject({ code: 'KEY_STORE_URL_UNKNOWN' });
    await expect(refusal).rejects.not.toThrow('hunter2');
  });
});
