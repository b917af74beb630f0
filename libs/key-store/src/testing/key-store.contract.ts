/** What every key store must do; each adapter's spec runs it with two connections to one store. */
import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { errorCode, makePosition } from '@timeline/kernel';
import type { KeyStore, KeyStoreIdentity, StoredKey } from '../key-store.port.js';

export interface KeyStoreUnderTest {
  /** Another connection to the same store. Those that are left open are closed by the contract. */
  open(): Promise<KeyStore>;
  /** All that the store holds, as text in which wrapped bytes can be found. */
  contents(): Promise<string>;
  remove(): Promise<void>;
}

const identity: KeyStoreIdentity = { logId: 'a1b2c3d4e5f6', masterKeyFingerprint: '0123456789abcdef' };
const slots = ['personal', 'identity-9f.$x', ''];

export const candidateFor = (customerId: string, slot = 'personal'): StoredKey => ({
  keyId: randomUUID(),
  customerId,
  slot,
  wrapped: randomBytes(60).toString('base64'),
});

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => errorCode(error),
  );

export function keyStoreContract(
  setUp: () => Promise<KeyStoreUnderTest>,
  size: { races: number; runs: number; many: number },
): void {
  let underTest: KeyStoreUnderTest;
  let store: KeyStore;
  let other: KeyStore;
  let opened: KeyStore[];

  const open = async (): Promise<KeyStore> => {
    const connection = await underTest.open();
    opened.push(connection);
    return connection;
  };
  beforeEach(async () => {
    underTest = await setUp();
    opened = [];
    store = await open();
    other = await open();
  });
  afterEach(async () => {
    await Promise.all(opened.map((connection) => connection.close()));
    await underTest.remove();
  });

  /** Closes both connections and opens new ones: what is answered then was kept. */
  const reopen = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((connection) => connection.close()));
    store = await open();
    other = await open();
  };

  describe('its identity', () => {
    it('is undefined while the store is new, and then what was claimed, for everyone', async () => {
      expect(await store.identity()).toBeUndefined();
      await store.claim(identity);
      expect(await other.identity()).toEqual(identity);
      await reopen();
      expect(await store.identity()).toEqual(identity);
    });

    it('can be claimed again as the same, never as something else', async () => {
      await store.claim(identity);
      await other.claim(identity);
      for (const change of [{ logId: 'ffffffffffff' }, { masterKeyFingerprint: 'ffffffffffffffff' }]) {
        expect(await codeOf(other.claim({ ...identity, ...change }))).toBe('KEY_STORE_FOREIGN');
      }
      expect(await store.identity()).toEqual(identity);
    });

    it('has one winner when many claim at once', async () => {
      const claims = Array.from({ length: 20 }, (_, index) => ({ ...identity, logId: `${index}`.padStart(12, '0') }));
      const codes = await Promise.all(claims.map((claim, index) => codeOf((index % 2 ? store : other).claim(claim))));
      const winners = claims.filter((_, index) => codes[index] === 'no error');
      expect(winners).toHaveLength(1);
      expect(codes.filter((code) => code === 'KEY_STORE_FOREIGN')).toHaveLength(19);
      expect(await store.identity()).toEqual(winners[0]);
    });
  });

  describe('a key', () => {
    it('is inserted once per customer and slot, and found by id and by owner', async () => {
      const keys = slots.map((slot) => candidateFor('ada', slot));
      for (const key of keys) expect(await store.obtain(key)).toEqual(key);
      for (const key of keys) {
        expect(await other.obtain(candidateFor('ada', key.slot))).toEqual(key);
        expect(await other.findByOwner('ada', key.slot)).toEqual(key);
      }
      await reopen();
      expect(await store.find(keys.map(({ keyId }) => keyId))).toEqual(new Map(keys.map((key) => [key.keyId, key])));
    });

    it('keeps customers and slots apart, whatever they are called', async () => {
      const names = ['ada', 'ada ', 'Ada', '$ada', 'a.da', '艾达🎉', `O'Neil"--`];
      const keys = names.flatMap((name) => slots.map((slot) => candidateFor(name, slot)));
      await Promise.all(keys.map((key) => store.obtain(key)));
      for (const key of keys) expect(await other.findByOwner(key.customerId, key.slot)).toEqual(key);
    });

    it('that was never seen is not found', async () => {
      const key = await store.obtain(candidateFor('ada'));
      expect(await store.find([])).toEqual(new Map());
      expect(await store.find([randomUUID()])).toEqual(new Map());
      expect(await store.find([randomUUID(), key.keyId, key.keyId])).toEqual(new Map([[key.keyId, key]]));
      expect(await store.findByOwner('ada', 'other')).toBeUndefined();
      expect(await store.findByOwner('nobody', 'personal')).toBeUndefined();
    });

    it('is one for all who obtain it at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => (index % 2 ? store : other).obtain(candidateFor('ada'))),
      );
      expect(new Set(answers.map(({ keyId }) => keyId)).size).toBe(1);
      expect(new Set(answers.map(({ wrapped }) => wrapped)).size).toBe(1);
      expect(await store.findByOwner('ada', 'personal')).toEqual(answers[0]);
    });

    it('is found among many, made in one go', async () => {
      const keys = Array.from({ length: size.many }, (_, index) => candidateFor(`customer-${index}`));
      expect(await Promise.all(keys.map((key) => store.obtain(key)))).toEqual(keys);
      expect(await other.find(keys.map(({ keyId }) => keyId))).toEqual(new Map(keys.map((key) => [key.keyId, key])));
    });
  });

  describe('destroying', () => {
    it('takes every key of the customer, leaves tombstones, and touches nobody else', async () => {
      const keys = await Promise.all(slots.map((slot) => store.obtain(candidateFor('ada', slot))));
      const bystander = await store.obtain(candidateFor('bob'));
      await other.destroy('ada');
      await reopen();
      const ids = [...keys, bystander].map(({ keyId }) => keyId);
      const expected = new Map<string, StoredKey | 'destroyed'>(keys.map(({ keyId }) => [keyId, 'destroyed']));
      expect(await store.find(ids)).toEqual(expected.set(bystander.keyId, bystander));
      for (const slot of slots) expect(await store.findByOwner('ada', slot)).toBe('destroyed');
      expect(await store.obtain(candidateFor('bob'))).toEqual(bystander);
    });

    it('leaves no wrapped bytes in the store', async () => {
      const keys = await Promise.all(slots.map((slot) => store.obtain(candidateFor('ada', slot))));
      const bystander = await store.obtain(candidateFor('bob'));
      const held = async (): Promise<StoredKey[]> => {
        const contents = await underTest.contents();
        return [...keys, bystander].filter(({ wrapped }) => contents.includes(wrapped));
      };
      expect(await held()).toEqual([...keys, bystander]);
      await other.destroy('ada');
      expect(await held()).toEqual([bystander]);
    });

    it('is final: no key is made again, in no slot', async () => {
      await store.obtain(candidateFor('ada'));
      await store.destroy('ada');
      for (const slot of [...slots, 'never used before']) {
        const late = candidateFor('ada', slot);
        expect(await codeOf(other.obtain(late))).toBe('CUSTOMER_ERASED');
        expect(await other.find([late.keyId])).toEqual(new Map());
      }
    });

    it('also concerns a customer who never had a key', async () => {
      await store.destroy('ada');
      expect(await store.findByOwner('ada', 'personal')).toBeUndefined();
      expect(await codeOf(other.obtain(candidateFor('ada')))).toBe('CUSTOMER_ERASED');
    });

    it('does no harm when repeated', async () => {
      const key = await store.obtain(candidateFor('ada'));
      await Promise.all([store.destroy('ada'), other.destroy('ada'), store.destroy('ada')]);
      await store.destroy('ada');
      expect(await store.find([key.keyId])).toEqual(new Map([[key.keyId, 'destroyed']]));
    });

    it('leaves no key after it, whoever obtains at the same time', async () => {
      const all: StoredKey[] = [];
      for (let race = 0; race < size.races; race++) {
        const customerId = `racer-${race}`;
        const candidates = Array.from({ length: 8 }, (_, index) => candidateFor(customerId, slots[index % 2]));
        const obtaining = candidates.map((candidate, index) => codeOf((index % 2 ? store : other).obtain(candidate)));
        // At a different moment each time.
        for (let turn = 0; turn < race % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
        await (race % 2 ? store : other).destroy(customerId);
        const late = await codeOf(store.obtain(candidateFor(customerId)));
        expect(new Set([...(await Promise.all(obtaining)), 'CUSTOMER_ERASED', 'no error'])).toEqual(
          new Set(['CUSTOMER_ERASED', 'no error']),
        );
        expect(late).toBe('CUSTOMER_ERASED');
        const left = await other.find(candidates.map(({ keyId }) => keyId));
        expect([...left.values()].filter((key) => key !== 'destroyed')).toEqual([]);
        all.push(...candidates);
      }
      const contents = await underTest.contents();
      expect(all.filter(({ wrapped }) => contents.includes(wrapped))).toEqual([]);
    });

    it('refuses its own customer only, when many obtain in one group', async () => {
      await store.destroy('ada');
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          codeOf(store.obtain(candidateFor(index % 3 === 0 ? 'ada' : `customer-${index}`))),
        ),
      );
      expect(outcomes).toEqual(outcomes.map((_, index) => (index % 3 === 0 ? 'CUSTOMER_ERASED' : 'no error')));
    });
  });

  it('answers as a plain map of customers would, for any order of calls', async () => {
    const customerId = fc.constantFrom('c1', 'c2', 'c3');
    const slot = fc.constantFrom(...slots);
    const call = fc.oneof(
      { weight: 5, arbitrary: fc.record({ does: fc.constant('obtain' as const), customerId, slot }) },
      { weight: 1, arbitrary: fc.record({ does: fc.constant('destroy' as const), customerId, slot }) },
      { weight: 2, arbitrary: fc.record({ does: fc.constant('find' as const), customerId, slot }) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
        run++;
        const keys = new Map<string, StoredKey>();
        const erased = new Set<string>();
        for (const [index, { does, ...of }] of calls.entries()) {
          const connection = index % 2 ? store : other;
          const candidate = candidateFor(`${of.customerId}-${run}`, of.slot);
          const owner = `${of.customerId}/${of.slot}`;
          switch (does) {
            case 'obtain':
              if (erased.has(of.customerId)) {
                expect(await codeOf(connection.obtain(candidate))).toBe('CUSTOMER_ERASED');
              } else {
                if (!keys.has(owner)) keys.set(owner, candidate);
                expect(await connection.obtain(candidate)).toEqual(keys.get(owner));
              }
              break;
            case 'destroy':
              await connection.destroy(candidate.customerId);
              erased.add(of.customerId);
              break;
            case 'find': {
              const key = keys.get(owner);
              const expected = key && (erased.has(of.customerId) ? 'destroyed' : key);
              expect(await connection.findByOwner(candidate.customerId, of.slot)).toEqual(expected);
              if (key) expect((await connection.find([key.keyId])).get(key.keyId)).toEqual(expected);
            }
          }
        }
      }),
      { numRuns: size.runs },
    );
  });

  describe('a secret', () => {
    it('is the first one given under its name, for good', async () => {
      expect(await store.secret('body-hash', 'one')).toBe('one');
      expect(await other.secret('body-hash', 'two')).toBe('one');
      expect(await other.secret('identity-hash', 'three')).toBe('three');
      await reopen();
      expect(await store.secret('body-hash', 'four')).toBe('one');
    });

    it('is one for all who ask at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => (index % 2 ? store : other).secret('body-hash', `candidate ${index}`)),
      );
      expect(new Set(answers).size).toBe(1);
    });
  });

  describe('how far erasures were carried out', () => {
    const position = (offset: number) => makePosition(identity.logId, `${offset}`.padStart(20, '0'));

    it('is undefined at first, then kept', async () => {
      expect(await store.erasedUpTo()).toBeUndefined();
      await store.setErasedUpTo(position(7));
      await reopen();
      expect(await other.erasedUpTo()).toBe(position(7));
    });

    it('only moves forward, also when many set it at once', async () => {
      const offsets = [3, 11, 5, 40, 2, 39, 12, 1, 40, 8];
      await Promise.all(offsets.map((offset, index) => (index % 2 ? store : other).setErasedUpTo(position(offset))));
      expect(await store.erasedUpTo()).toBe(position(40));
      await store.setErasedUpTo(position(9));
      expect(await other.erasedUpTo()).toBe(position(40));
    });
  });
}
