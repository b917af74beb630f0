/** Certificates of erasure on real embedded stores: not too early, not while a build is behind, and once. */
import { CommandProcessor, CustomerGroups } from '@timeline/deciding';
import { addDays, newId, type Instant, type Position } from '@timeline/kernel';
import type { BuildRecord } from '@timeline/projecting';
import { ReactionPump } from '@timeline/reacting';
import { Harness, TestClock } from '../../composing/src/testing/harness.js';
import { registerCustomer } from './commands/register-customer.command.js';
import { eraseCustomer } from './commands/erase-customer.command.js';
import { customerStream } from './customer.decider.js';
import { CustomersSettings } from './customers-settings.js';
import { ErasureCertificates } from './erasure-certificates.js';
import { Erasures } from './erasures.js';
import { KnownCustomers } from './known-customers.js';
import { IdentityRegistry } from './identities/identity-registry.js';
import { customersSlice } from './index.js';
import {
  erasureProjection,
  isCarriedOut as isErasureCarriedOut,
  KEYS_GONE_AFTER_MS,
} from './projections/erasure.projection.js';
import { profileProjection } from './projections/profile.projection.js';
import type { ErasureView } from './queries/erasure-view.js';
import { GetErasure } from './queries/get-erasure.query.js';
import { ErasureReaction } from './reactions/erasure.reaction.js';

let clock: TestClock;
let harness: Harness;

beforeEach(async () => {
  clock = new TestClock();
  harness = await Harness.start({
    slices: [customersSlice({ defaultPhoneRegion: 'US', backupRetentionDays: 30 })],
    clock,
  });
});
afterEach(() => harness.dispose());

const now = (): Instant => clock.now().toISOString();

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > end) throw new Error('this did not come about');
  }
}
const typesOf = async (id: string): Promise<string[]> =>
  (await harness.product.events.readStream(customerStream(id))).map(({ type }) => type);
const isCarriedOut = async (id: string): Promise<boolean> => (await typesOf(id)).includes('CustomerErasureCarriedOut');
const isCertified = async (id: string): Promise<boolean> => (await typesOf(id)).includes('CustomerErasureCertified');
const erasure = (id: string, position?: string): Promise<ErasureView> => harness.query(new GetErasure(id, position));

let count = 0;
async function erased(): Promise<{ id: string; position: Position }> {
  const identities = [{ kind: 'email' as const, value: `erased${++count}@example.com` }];
  const { id } = await harness.dispatch(registerCustomer, { kind: 'person', stage: 'lead', identities });
  const { position } = await harness.dispatch(eraseCustomer, { customerId: id, reason: 'requested' });
  return { id, position };
}
async function carriedOut(): Promise<{ id: string; position: Position }> {
  const { id, position } = await erased();
  await until(() => isCarriedOut(id));
  return { id, position };
}

describe('the certificate of an erasure', () => {
  it('comes when no process can have the keys any more, not before, and says what was done', async () => {
    const at = now();
    const { id, position } = await carriedOut();
    clock.advance(1);
    const later = await carriedOut();
    expect(await erasure(id, (await harness.product.events.head())?.position)).toEqual({
      customerId: id,
      state: 'carried-out',
      erasedAt: at,
      carriedOutAt: at,
      waitsFor: { instant: new Date(Date.parse(at) + KEYS_GONE_AFTER_MS).toISOString(), builds: [] },
    });

    clock.advance(KEYS_GONE_AFTER_MS - 1);
    await until(() => isCertified(id));
    // A later round of the pump, which looked at the other one too.
    await carriedOut();
    expect(await isCertified(later.id)).toBe(false);

    const { certificate, ...rest } = await erasure(id, (await harness.product.events.head())?.position);
    expect(rest).toEqual({ customerId: id, state: 'certified', erasedAt: at, carriedOutAt: at, certifiedAt: now() });
    expect(certificate).toEqual({
      position,
      erasedAt: at,
      carriedOutAt: at,
      claimsReleased: 1,
      builds: expect.any(Array),
      readStoreFiles: 'overwritten',
      waitedForKeysMs: KEYS_GONE_AFTER_MS,
      backups: { retentionDays: 30, expireAt: addDays(now(), 30) },
    });
    expect(certificate?.builds.map(({ projection }) => projection).sort()).toEqual([
      'company-people',
      'data-quality',
      'enrichments',
      'erasure',
      'freshness',
      'freshness-policies',
      'identity-claims',
      'profile',
      'provenance',
      'suspicions',
    ]);
    for (const { position: come } of certificate?.builds ?? []) expect(come >= position).toBe(true);

    clock.advance(1);
    await until(() => isCertified(later.id));
  });

  it('waits for a build that is behind, whoever fills it, and tells nobody of a failure', async () => {
    const { builds } = harness.product.engine;
    // A rebuild that the command line began and did not go on with: nobody moves it.
    const idle: BuildRecord = await builds.create(profileProjection, 'command-line');
    const { id, position } = await carriedOut();
    let looks = 0;
    const { models } = harness.product;
    const buildsAgainst = models.buildsAgainst.bind(models);
    models.buildsAgainst = (...args) => {
      looks += 1;
      return buildsAgainst(...args);
    };
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(() => looks >= 3);
    expect(await isCertified(id)).toBe(false);
    expect(await erasure(id, position)).toMatchObject({
      state: 'carried-out',
      waitsFor: { builds: [{ projection: 'profile', build: idle._id }] },
    });

    // From here on asked for directly: the pump leaves more and more time between two looks.
    const document = await harness.read(erasureProjection, position, ({ documents }) => documents.get(id));
    if (!document || !isErasureCarriedOut(document)) throw new Error('it is carried out');
    const asked = (): Promise<void | 'later'> => harness.get(ErasureCertificates).certify(document);

    // Begun, and not there yet.
    const [first] = await harness.product.events.readStream(customerStream(id));
    if (!first) throw new Error('there is a registration');
    const event = { position: first.position, id: first.id };
    await builds.saveCheckpoints(new Map([[idle._id, { position: first.position, event }]]));
    expect(await asked()).toBe('later');

    // Past it by its number, but folded from what this log does not hold.
    const head = await harness.product.events.head();
    if (!head) throw new Error('the log is not empty');
    const lost = { position: head.position, id: newId() };
    await builds.saveCheckpoints(new Map([[idle._id, { position: head.position, event: lost }]]));
    expect(await asked()).toBe('later');

    // Being dropped, its collections are there until its record goes.
    await builds.setState(idle._id, 'dropping');
    expect(await asked()).toBe('later');
    expect(await isCertified(id)).toBe(false);
    await builds.drop(idle);
    await until(() => isCertified(id));
    expect(harness.notices.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('counts a build that is past it, live or not', async () => {
    const { builds } = harness.product.engine;
    const { id } = await carriedOut();
    const other = await builds.create(profileProjection, 'command-line');
    const head = await harness.product.events.head();
    if (!head) throw new Error('the log is not empty');
    const { position, eventId } = head;
    await builds.saveCheckpoints(new Map([[other._id, { position, event: { position, id: eventId } }]]));
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(() => isCertified(id));
    const { certificate } = await erasure(id, (await harness.product.events.head())?.position);
    expect(certificate?.builds).toContainEqual({ projection: 'profile', build: other._id, position });
  });

  it('waits until the files of the read store are overwritten', async () => {
    const { id } = await carriedOut();
    const { reads } = harness.product;
    const scrub = reads.scrub.bind(reads);
    let putOff = 0;
    reads.scrub = () => {
      putOff += 1;
      return Promise.resolve('put-off');
    };
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(() => putOff >= 3);
    expect(await isCertified(id)).toBe(false);
    reads.scrub = scrub;
    await until(() => isCertified(id));
    expect(harness.notices.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('is recorded once, with two pumps at work and a restart in between', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) ids.push((await carriedOut()).id);
    const second = (): ReactionPump => {
      const { product } = harness;
      const { events, models, reads, ring, hashes, vault } = product;
      // As another process would have it: with a queue of its own.
      const processor = new CommandProcessor(events, vault, clock);
      const settings = harness.context.get<CustomersSettings>(CustomersSettings, { strict: false });
      const registry = new IdentityRegistry(processor, events, hashes, settings);
      const reaction = new ErasureReaction(
        new Erasures(processor, registry, ring, events, hashes, new CustomerGroups(), new KnownCustomers(events)),
        new ErasureCertificates(processor, hashes, settings, models, reads, new CustomerGroups()),
      );
      const pump = new ReactionPump({ events, models, reactions: [reaction], clock, pollMs: 5 });
      pump.start();
      return pump;
    };
    const certified = async (): Promise<number> =>
      (await Promise.all(ids.map((id) => isCertified(id)))).filter(Boolean).length;
    const before = second();
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(async () => (await certified()) > 0);
    await before.stop();
    await harness.restart();
    const after = second();
    await until(async () => (await certified()) === ids.length);
    // One more of each, so that both have looked again.
    const last = await carriedOut();
    clock.advance(KEYS_GONE_AFTER_MS);
    await until(() => isCertified(last.id));
    await after.stop();
    for (const id of ids)
      expect((await typesOf(id)).slice(-3)).toEqual([
        'CustomerErased',
        'CustomerErasureCarriedOut',
        'CustomerErasureCertified',
      ]);
  });
});

describe('an erasure that is asked for', () => {
  it('is found right after the command, and not where there was none', async () => {
    const { id } = await erased();
    expect(['erased', 'carried-out']).toContain((await erasure(id)).state);
    await expect(erasure(newId())).rejects.toMatchObject({ code: 'CUSTOMER_NOT_FOUND' });
    const kept = await harness.dispatch(registerCustomer, { kind: 'person', stage: 'lead' });
    await expect(erasure(kept.id)).rejects.toMatchObject({ code: 'ERASURE_NOT_FOUND' });
  });
});
