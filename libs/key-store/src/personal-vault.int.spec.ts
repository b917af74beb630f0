import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { canonicalJson, makePosition, UnavailableError, Upcasters } from '@timeline/kernel';
import type { Upcaster } from '@timeline/kernel';
import { newKey } from './aes-gcm.js';
import { KeyRing } from './key-ring.js';
import { openKeyStore } from './open-key-store.js';
import type { SealedEvent } from './personal-vault.js';
import { PersonalVault } from './personal-vault.js';
import { codeOf } from './testing/key-store.contract.js';
import { WatchedKeyStore } from './testing/watched-key-store.js';

const masterKey = { key: newKey(), fingerprint: 'test' };
const logId = 'a1b2c3d4e5f6';

let store: WatchedKeyStore;
let ring: KeyRing;
let vault: PersonalVault;
beforeEach(async () => {
  store = new WatchedKeyStore(await openKeyStore('sqlite::memory:'));
  ring = await KeyRing.open({ store, masterKey, logId });
  vault = new PersonalVault(ring, new Upcasters());
});
afterEach(() => store.close());

/** A vault that has cached nothing yet. */
const freshVault = async (upcasters: Upcaster[] = []): Promise<PersonalVault> =>
  new PersonalVault(await KeyRing.open({ store, masterKey, logId }), new Upcasters(upcasters));

let revision = 0;
function eventOf(id: string, sealed?: { keyId: string; personal: string }): SealedEvent {
  return {
    id,
    type: 'CustomerRegistered',
    data: { region: 'EU' },
    ...(sealed && { personal: sealed.personal }),
    stream: 'customer-1',
    revision: revision++,
    position: makePosition(logId, `${revision}`.padStart(20, '0')),
    recordedAt: '2026-01-01T00:00:00.000Z',
    metadata: {
      schemaVersion: 1,
      occurredAt: '2026-01-01T00:00:00.000Z',
      actor: 'test',
      commandId: 'c',
      bodyHash: 'b',
      correlationId: 'c',
      causationId: 'c',
      ...(sealed && { keyId: sealed.keyId }),
    },
  };
}

async function sealedFor(customerId: string, personal: object): Promise<SealedEvent> {
  const eventId = randomUUID();
  return eventOf(eventId, await vault.seal(personal, { eventId, customerId }));
}

describe('sealing and opening', () => {
  it('gives the same JSON back, for any object', async () => {
    const json = fc.dictionary(
      fc.string({ unit: 'binary' }),
      fc.jsonValue({ stringUnit: fc.constantFrom('a', '艾', '🎉', '👩‍👩‍👧', '\u0000', '\ud800', '"', '\u2028') }),
    );
    await fc.assert(
      fc.asyncProperty(json, fc.constantFrom('ada', 'bob'), async (personal, customerId) => {
        const [event] = await vault.open([await sealedFor(customerId, personal)]);
        expect(canonicalJson(event?.personal)).toBe(canonicalJson(JSON.parse(JSON.stringify(personal))));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves nothing of the person in the clear, and everything else as it was', async () => {
    const stored = await sealedFor('ada', { name: 'Ada Lovelace' });
    expect(stored.personal).not.toContain('Ada');
    expect(Buffer.from(stored.personal ?? '', 'base64').toString('latin1')).not.toContain('Ada');
    expect(await vault.open([stored])).toEqual([{ ...stored, personal: { name: 'Ada Lovelace' } }]);
  });

  it('opens a batch of many customers in order, in one round trip', async () => {
    const stored = await Promise.all(
      Array.from({ length: 300 }, (_, index) => sealedFor(`customer-${index % 100}`, { index })),
    );
    const batch = stored.flatMap((event) => [event, eventOf(randomUUID())]);
    const opened = await (await freshVault()).open(batch);
    expect(opened.map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
    expect(opened.map(({ personal }) => personal)).toEqual(
      batch.map((_, index) => (index % 2 ? undefined : { index: index / 2 })),
    );
    expect(store.count('find')).toBe(1);
  });

  it('passes events without personal data through as they are, without asking the store', async () => {
    const batch = [eventOf(randomUUID()), eventOf(randomUUID())];
    store.calls.length = 0;
    const opened = await vault.open(batch);
    expect(opened[0]).toBe(batch[0]);
    expect(opened[1]).toBe(batch[1]);
    expect(await vault.open([])).toEqual([]);
    expect(store.calls).toEqual([]);
  });

  it('seals for a slot with a key of its own', async () => {
    const eventId = randomUUID();
    const mine = await vault.seal({ owner: 'ada' }, { eventId, customerId: 'ada' });
    const claim = await vault.seal({ owner: 'ada' }, { eventId, customerId: 'ada', slot: 'identity-1' });
    expect(claim.keyId).not.toBe(mine.keyId);
    expect((await vault.open([eventOf(eventId, claim)]))[0]?.personal).toEqual({ owner: 'ada' });
  });
});

describe('what was sealed for an erased customer', () => {
  it('opens to undefined, here and in every other process, and all else still opens', async () => {
    const [ada, bob] = [await sealedFor('ada', { name: 'Ada' }), await sealedFor('bob', { name: 'Bob' })];
    await ring.destroy('ada');
    for (const reader of [vault, await freshVault()]) {
      const [erased, kept] = await reader.open([ada, bob]);
      expect(erased).toEqual({ ...ada, personal: undefined });
      expect(kept?.personal).toEqual({ name: 'Bob' });
    }
  });

  it('is not joined by anything new', async () => {
    await ring.destroy('ada');
    expect(await codeOf(vault.seal({ name: 'Ada' }, { eventId: randomUUID(), customerId: 'ada' }))).toBe(
      'CUSTOMER_ERASED',
    );
  });
});

describe('what does not open is a fault, never a missing name', () => {
  const change = (event: SealedEvent, changes: Partial<SealedEvent>): SealedEvent => ({ ...event, ...changes });

  it('when the ciphertext was changed', async () => {
    const stored = await sealedFor('ada', { name: 'Ada' });
    const bytes = Buffer.from(stored.personal ?? '', 'base64');
    bytes.writeUInt8(bytes.readUInt8(14) ^ 1, 14);
    expect(await codeOf(vault.open([change(stored, { personal: bytes.toString('base64') })]))).toBe(
      'PERSONAL_UNOPENABLE',
    );
    expect(await codeOf(vault.open([change(stored, { personal: '' })]))).toBe('PERSONAL_UNOPENABLE');
  });

  it('when two events of one customer were swapped', async () => {
    const [one, other] = [await sealedFor('ada', { name: 'Ada' }), await sealedFor('ada', { name: 'Augusta' })];
    expect(await codeOf(vault.open([change(one, { personal: other.personal })]))).toBe('PERSONAL_UNOPENABLE');
  });

  it('when it names the key of another customer, or none', async () => {
    const [ada, bob] = [await sealedFor('ada', { name: 'Ada' }), await sealedFor('bob', { name: 'Bob' })];
    const { keyId: _, ...nameless } = ada.metadata;
    expect(await codeOf(vault.open([change(ada, { metadata: bob.metadata })]))).toBe('PERSONAL_UNOPENABLE');
    expect(await codeOf(vault.open([change(ada, { metadata: nameless })]))).toBe('PERSONAL_UNOPENABLE');
  });

  it('when the key is not in the store, or the store is away', async () => {
    const stored = await sealedFor('ada', { name: 'Ada' });
    const lost = change(stored, { metadata: { ...stored.metadata, keyId: randomUUID() } });
    expect(await codeOf(vault.open([lost]))).toBe('KEY_MISSING');
    const fresh = await freshVault();
    store.onAnswer = async () => {
      throw new UnavailableError('key store', 'away');
    };
    expect(await codeOf(fresh.open([stored]))).toBe('STORE_UNAVAILABLE');
  });

  it('and what it says names the event, but nothing of the person', async () => {
    const stored = await sealedFor('ada', { name: 'Ada' });
    const broken = change(stored, { id: randomUUID() });
    await expect(vault.open([broken])).rejects.toThrow(broken.id);
    await expect(vault.open([broken])).rejects.not.toThrow('Ada');
  });
});

describe('old versions', () => {
  const upcasters: Upcaster[] = [
    {
      type: 'CustomerRegistered',
      fromVersion: 1,
      lift: (fact) => ({ type: fact.type, data: { ...fact.data, country: 'unknown' }, personal: fact.personal }),
    },
    {
      type: 'CustomerRegistered',
      fromVersion: 2,
      renamedTo: 'CustomerSignedUp',
      lift: ({ personal, ...fact }) => ({
        ...fact,
        personal: personal && { fullName: Object.values(personal).join() },
      }),
    },
  ];

  it('are lifted after opening, data and personal together, and say their new version', async () => {
    const stored = await sealedFor('ada', { name: 'Ada' });
    const [event] = await (await freshVault(upcasters)).open([stored]);
    expect(event).toEqual({
      ...stored,
      type: 'CustomerSignedUp',
      data: { region: 'EU', country: 'unknown' },
      personal: { fullName: 'Ada' },
      metadata: { ...stored.metadata, schemaVersion: 3 },
    });
  });

  it('are lifted also without personal data, erased or never there', async () => {
    const stored = await sealedFor('ada', { name: 'Ada' });
    await ring.destroy('ada');
    const events = await (await freshVault(upcasters)).open([stored, eventOf(randomUUID())]);
    for (const event of events) {
      expect(event).toMatchObject({ type: 'CustomerSignedUp', metadata: { schemaVersion: 3 } });
      expect(event.personal).toBeUndefined();
    }
    const [alone] = await (await freshVault(upcasters)).open([eventOf(randomUUID())]);
    expect(alone).toMatchObject({ type: 'CustomerSignedUp', data: { country: 'unknown' } });
  });
});
