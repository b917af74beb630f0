/** What a provider says is a proposal: by itself it takes no verified value's place, nor one that somebody entered. */
import { customersSlice, registerCustomer, type EnrichmentProvider } from '@timeline/customers';
import { PageQuery, type Page } from '@timeline/http';
import { errorCode, UnavailableError } from '@timeline/kernel';
import { publishStandard, standardsSlice, type Rule } from '@timeline/standards';
import { Harness } from '../../composing/src/testing/harness.js';
import { updateCustomer } from '../../customers/src/commands/update-customer.command.js';
import { verifyField } from '../../customers/src/commands/verify-field.command.js';
import {
  acceptEnrichment,
  proposeEnrichment,
  rejectEnrichment,
} from '../../customers/src/enrichment/enrich-customer.command.js';
import type { EnrichmentDocument } from '../../customers/src/enrichment/enrichments.projection.js';
import { ListEnrichments } from '../../customers/src/enrichment/list-enrichments.query.js';
import { GetCustomer, type FoundCustomer } from '../../customers/src/queries/get-customer.query.js';

/** Knows where everybody lives, as far as it is there. */
class Register implements EnrichmentProvider {
  readonly name = 'register';
  isAway = false;
  asked = 0;
  async enrich({ name }: Parameters<EnrichmentProvider['enrich']>[0]): ReturnType<EnrichmentProvider['enrich']> {
    this.asked += 1;
    if (this.isAway) throw new UnavailableError('register', 'it is away');
    if (name?.full !== 'Ann') return undefined;
    return {
      confidence: 0.95,
      legalBasis: 'legitimate-interests',
      values: { address: { city: 'Gera' }, birthDate: '1980-01-01', region: 'East', traits: { size: 5, tier: 'vip' } },
    };
  }
}

let register: Register;
let harness: Harness;
beforeEach(async () => {
  register = new Register();
  harness = await Harness.start({
    slices: [standardsSlice, customersSlice({ defaultPhoneRegion: 'DE', enrichmentProviders: [register] })],
    roles: ['commands', 'queries', 'projections'],
  });
});
afterEach(() => harness.dispose());

const person = async (more: object = {}, source?: string): Promise<string> =>
  (
    await harness.dispatch(
      registerCustomer,
      { kind: 'person', stage: 'lead', name: { full: 'Ann' }, ...more },
      { ...(source !== undefined && { source }) },
    )
  ).id;
const ask = (customerId: string, provider = 'register') =>
  harness.dispatch(proposeEnrichment, { customerId, provider });
const head = async (): Promise<string | undefined> => (await harness.product.events.head())?.position;
const profile = async (customerId: string): Promise<FoundCustomer['profile']> =>
  (await harness.query<FoundCustomer>(new GetCustomer(customerId, await head()))).profile;
const states = async (customerId: string): Promise<Record<string, string>> => {
  const query = new ListEnrichments(customerId, new PageQuery(), await head());
  const [latest] = (await harness.query<Page<EnrichmentDocument>>(query)).items;
  return Object.fromEntries((latest?.fields ?? []).map(({ field, state }) => [field, state]));
};

it('fills what nobody filled and what another system said, and waits where a person entered or verified', async () => {
  const id = await person({ birthDate: '1981-01-01', traits: { size: 3 } }, 'crm');
  await harness.dispatch(verifyField, { customerId: id, field: 'birthDate', method: 'document' as const });
  await harness.dispatch(updateCustomer, { customerId: id, region: 'West' });
  // Removed by hand: that is somebody's word, too.
  await harness.dispatch(updateCustomer, { customerId: id, traits: { tier: 'gold' } });
  await harness.dispatch(updateCustomer, { customerId: id, traits: { tier: null } });
  const { id: enrichmentId } = await ask(id);
  expect(await states(id)).toEqual({
    address: 'accepted-by-rule',
    birthDate: 'open',
    region: 'open',
    'traits.size': 'accepted-by-rule',
    'traits.tier': 'open',
  });
  const before = await profile(id);
  expect(before).toMatchObject({
    address: { city: 'Gera' },
    birthDate: '1981-01-01',
    region: 'West',
    traits: { size: 5 },
    provenance: { address: { source: 'register' }, birthDate: { verified: { method: 'document' } } },
  });
  // What waits holds once a person takes it, verified or not.
  await harness.dispatch(acceptEnrichment, { customerId: id, enrichmentId, fields: ['birthDate'] });
  expect(await profile(id)).toMatchObject({ birthDate: '1980-01-01', region: 'West' });
  await harness.dispatch(rejectEnrichment, { customerId: id, enrichmentId });
  expect(await states(id)).toMatchObject({ birthDate: 'accepted', region: 'rejected', 'traits.tier': 'rejected' });
  const late = harness.dispatch(acceptEnrichment, { customerId: id, enrichmentId });
  await expect(late).rejects.toMatchObject({ code: 'ENRICHMENT_NOT_FOUND' });
});

it('takes no value that a standard refuses, by itself or by a person', async () => {
  const publish = (field: string, rules: Rule[]) => harness.dispatch(publishStandard, { field, rules });
  await publish('address.city', [{ kind: 'one-of', values: ['Ulm'] }]);
  // Needed by the size, and refused.
  await publish('traits.tier', [
    { kind: 'required', when: { field: 'traits.size' } },
    { kind: 'one-of', values: ['gold'] },
  ]);
  const id = await person();
  const { id: enrichmentId } = await ask(id);
  expect(await states(id)).toEqual({
    address: 'open',
    birthDate: 'accepted-by-rule',
    region: 'accepted-by-rule',
    'traits.size': 'open',
    'traits.tier': 'open',
  });
  expect(await profile(id)).toMatchObject({ birthDate: '1980-01-01', region: 'East', traits: {} });
  const accept = (...fields: string[]) => harness.dispatch(acceptEnrichment, { customerId: id, enrichmentId, fields });
  await expect(accept('address')).rejects.toMatchObject({
    code: 'STANDARD_REFUSED',
    details: { pointer: '/address/city' },
  });
  await expect(accept('traits.size')).rejects.toMatchObject({ code: 'STANDARD_REFUSED' });
  await publish('address.city', []);
  await accept('address');
  expect(await profile(id)).toMatchObject({ address: { city: 'Gera' } });
});

it('is one fact however often it is sent, and waits whole where the provider is not sure', async () => {
  const id = await person();
  const unsure = {
    customerId: id,
    provider: 'guess',
    confidence: 0.89,
    legalBasis: 'consent' as const,
    values: { region: 'North', birthDate: '1990-02-02' },
  };
  const first = await harness.dispatch(proposeEnrichment, unsure, { idempotencyKey: 'k' });
  const again = await harness.dispatch(proposeEnrichment, unsure, { idempotencyKey: 'k' });
  expect([again.id, again.resent]).toEqual([first.id, true]);
  expect(await states(id)).toEqual({ region: 'open', birthDate: 'open' });
  expect(await profile(id)).not.toHaveProperty('region');
  await expect(
    harness.dispatch(acceptEnrichment, { customerId: id, enrichmentId: first.id, fields: ['region', 'name'] }),
  ).rejects.toMatchObject({ code: 'ENRICHMENT_FIELD_NOT_OPEN', details: { pointer: '/fields/1' } });
  const types = (await harness.product.events.readStream(`customer-${id}`)).map(({ type }) => type);
  expect(types).toEqual(['CustomerRegistered', 'EnrichmentProposed']);
});

it('asks the provider once for a command, however often that is sent', async () => {
  const id = await person();
  const askAgain = (provider = 'register') =>
    harness.dispatch(proposeEnrichment, { customerId: id, provider }, { idempotencyKey: 'k' });
  const first = await askAgain();
  register.isAway = true;
  expect(await askAgain()).toEqual({ ...first, resent: true });
  expect(register.asked).toBe(1);
  await expect(askAgain('oracle')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
});

it('says so when nobody can be asked, nothing is known or the provider is away', async () => {
  const id = await person({ name: { full: 'Nobody' } });
  const codes: string[] = [];
  for (const provider of ['oracle', 'register']) codes.push(await ask(id, provider).then(() => '', errorCode));
  register.isAway = true;
  codes.push(await ask(id).then(() => '', errorCode));
  expect(codes).toEqual(['ENRICHMENT_PROVIDER_NOT_FOUND', 'ENRICHMENT_NOT_FOUND', 'STORE_UNAVAILABLE']);
});
