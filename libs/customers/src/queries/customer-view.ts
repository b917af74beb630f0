/** How a customer looks from outside. Times are ISO 8601 UTC, amounts exact decimals. */
import type { Answer, JsonSchema } from '@timeline/http';
import { contentWithout, type StoredDerived } from '@timeline/projecting';
import { IDENTITY_KINDS, LIFECYCLE_STAGES } from '../customers.events.js';
import type { Profile } from '../projections/profile-document.js';

/** The whole profile. */
export type CustomerProfile = Omit<Profile, 'search' | 'isSurvivor' | 'outbound'>;

/** A customer as lists show it: without what only the customer's own page needs. */
export type CustomerSummary = Omit<
  CustomerProfile,
  'birthDate' | 'address' | 'note' | 'companies' | 'people' | 'consents' | 'preferences' | 'provenance'
>;

const UNSEEN = new Set(['search', 'isSurvivor', 'outbound'] as const);

export const profileView = (profile: Profile): CustomerProfile => contentWithout(profile, UNSEEN);

export function customerSummary(stored: StoredDerived & Profile): CustomerSummary {
  const {
    birthDate: _birthDate,
    address: _address,
    note: _note,
    companies: _companies,
    people: _people,
    consents: _consents,
    preferences: _preferences,
    provenance: _provenance,
    identities,
    ...summary
  } = profileView(stored);
  return { ...summary, identities: identities.map(({ provenance: _, ...identity }) => identity) };
}

const text = { type: 'string' };
const id = { type: 'string', format: 'uuid' };
const instant = { type: 'string', format: 'date-time' };
const count = { type: 'integer', minimum: 0 };
const decimal = { type: 'string', format: 'decimal' };
const mapOf = (values: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties: values });
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
/** A name that ends in `?` may be absent. */
const object = (members: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace('?', ''), schema])),
  required: Object.keys(members).filter((name) => !name.endsWith('?')),
  additionalProperties: false,
});

const scale = object({ min: { type: 'number' }, max: { type: 'number' }, favourableFrom: { type: 'number' } });
const surveyScore = object({
  score: { type: 'number' },
  scale,
  at: instant,
  'group?': { type: 'string', enum: ['promoter', 'passive', 'detractor'] },
});

const provenance = {
  at: instant,
  source: { ...text, description: 'the system it came from, or who entered it' },
  'importId?': id,
  actor: text,
  command: text,
  'verified?': object({ by: text, method: text }),
};

const identity = object({
  kind: { type: 'string', enum: [...IDENTITY_KINDS] },
  value: { ...text, description: 'as compared' },
  given: { ...text, description: 'as given' },
  'system?': text,
  primary: { type: 'boolean' },
  'provenance?': object(provenance),
});

const inLists = {
  customerId: id,
  survivor: { ...id, description: 'whom the group of merged customers goes by' },
  members: listOf(id),
  kind: { type: 'string', enum: ['person', 'company'] },
  'anonymous?': { type: 'boolean', description: 'true where nothing but an identity is known' },
  stage: { type: 'string', enum: [...LIFECYCLE_STAGES] },
  'name?': object({ full: text, 'given?': text, 'family?': text }),
  'language?': text,
  'region?': text,
  traits: mapOf({ type: ['string', 'number', 'boolean'] }),
  identities: listOf(identity),
  'firstSeenAt?': instant,
  'lastContact?': object({ at: instant, channel: text }),
  interactions: object({ total: count, byChannel: mapOf(count) }),
  purchases: object({
    count,
    'firstAt?': instant,
    'lastAt?': instant,
    repeat: { type: 'boolean', description: 'more than one' },
    byCurrency: mapOf(
      object({
        count,
        gross: decimal,
        returned: decimal,
        net: decimal,
        averageOrder: { ...decimal, description: 'gross / count, to six decimals, half even' },
      }),
    ),
  }),
  cases: object({ total: count, open: listOf(object({ caseId: id, openedAt: instant })) }),
  satisfaction: object({
    latest: object({ 'NPS?': surveyScore, 'CSAT?': surveyScore, 'CES?': surveyScore }),
    'rating?': object({
      score: { type: 'number' },
      scaleMin: { type: 'number' },
      scaleMax: { type: 'number' },
      top: { type: 'boolean' },
      at: instant,
    }),
  }),
  points: { type: 'integer', description: 'as of the last posting; what expired since is still in it' },
};

const preferencesSchema = object({
  'channels?': { ...listOf(text), description: 'those wanted, the best first' },
  'refused?': { ...listOf(text), description: 'never by these' },
  'hours?': object({
    timeZone: text,
    windows: listOf(object({ 'days?': listOf({ type: 'integer', minimum: 1, maximum: 7 }), from: text, to: text })),
  }),
  'frequency?': object({ atMost: count, days: count }),
  'language?': text,
});

export const profileSchema: Answer = (refs) =>
  refs.named(
    'CustomerProfile',
    object({
      ...inLists,
      'birthDate?': { type: 'string', format: 'date' },
      'address?': object({
        'lines?': listOf(text),
        'city?': text,
        'state?': text,
        'postalCode?': text,
        'country?': text,
      }),
      'note?': text,
      'companies?': {
        ...listOf(
          object({
            companyId: id,
            'role?': text,
            'from?': { type: 'string', format: 'date' },
            'left?': { type: 'boolean', description: 'true where the person does not belong to it any more' },
            'to?': { type: 'string', format: 'date' },
          }),
        ),
        description: 'of a person: those left too',
      },
      'people?': { ...count, description: 'of a company: how many belong to it; see /v1/customers/{id}/people' },
      consents: listOf(
        object({
          purpose: text,
          'channel?': text,
          status: { type: 'string', enum: ['granted', 'withdrawn'] },
          textVersion: text,
          'proof?': text,
          at: instant,
        }),
      ),
      preferences: preferencesSchema,
      provenance: mapOf(
        object({
          ...provenance,
          position: text,
          'losing?': {
            ...listOf(object({ value: {}, ...provenance, position: text })),
            description: 'what others said; it holds again when what holds now is taken back',
          },
          'candidates?': {
            ...listOf(object({ customerId: id, value: { description: 'as the field' }, at: instant, source: text })),
            description: 'other values that merged customers have, the best first',
          },
        }),
      ),
    }),
  );

export const summarySchema: Answer = (refs) => refs.named('CustomerSummary', object(inLists));
