/**
 * While a new normal form is brought in, an identity that is held under both is found by any spelling of it, through HTTP:
 * what adding takes for the same, removing and verifying take for the same too.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { customersSlice } from '@timeline/customers';
import { createHttpApp } from '@timeline/http';
import { Harness } from '../../libs/composing/src/testing/harness.js';
import { normaliseIdentity, type Normalise } from '../../libs/customers/src/identities/normalise.js';
import { Api, type Json, type Problem } from './api.js';

/** The old form that the one in use takes the place of here. */
const asGiven: Normalise = (given, options, pointer) => {
  const identity = normaliseIdentity(given, options, pointer);
  return { ...identity, value: identity.given };
};

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({
    slices: [customersSlice({ defaultPhoneRegion: 'DE', normalisations: [asGiven, normaliseIdentity] })],
  });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  api = new Api(await app.getUrl());
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const refusal = async (path: string, json: Json): Promise<[number, string]> => {
  const { status, body } = await api.send<Problem>('POST', path, { json });
  return [status, body.code];
};

it.each([
  ['phone', '030 901820', '+49 30 901820', '+49 30 901821'],
  ['email', 'Ann@Example.com', 'ann@example.COM', 'anne@example.com'],
])('an identity of the kind %s is verified and removed by another spelling', async (kind, given, other, wrong) => {
  const { id } = await api.register({ name: { full: 'Ann Lee' }, identities: [{ kind, value: given }] });
  const verification = { field: kind, method: 'call' };
  const [verifications, removals] = [`/v1/customers/${id}/verifications`, `/v1/customers/${id}/identities/removals`];
  expect(await refusal(verifications, { ...verification, value: wrong })).toEqual([422, 'NOTHING_TO_VERIFY']);
  expect(await refusal(removals, { kind, value: wrong })).toEqual([404, 'IDENTITY_NOT_FOUND']);
  await api.post(verifications, { ...verification, value: other });
  const { position } = await api.post(removals, { kind, value: other });
  expect(await api.read(`/v1/customers/${id}`, position)).toMatchObject({ identities: [] });
  // It is free again in every spelling.
  for (const value of [given, other]) {
    const next = await api.register({ identities: [{ kind, value }] });
    expect(await refusal('/v1/customers', { kind: 'person', identities: [{ kind, value: other }] })).toEqual([
      409,
      'IDENTITY_TAKEN',
    ]);
    await api.post(`/v1/customers/${next.id}/identities/removals`, { kind, value: given });
  }
});
