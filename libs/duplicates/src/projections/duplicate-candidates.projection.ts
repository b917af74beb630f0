/**
 * What is compared of every customer, and the keys that it is found by. Two kinds of documents, both the customer's own, so
 * that they go with the customer: one per customer with everything, and one per identity with the identity's keys, since
 * an index serves one value a document.
 */
import { canonicalJson, type Position, type Recorded } from '@timeline/kernel';
import {
  featuresOf,
  IDENTITY_PASSES,
  identityKeys,
  PERSON_PASSES,
  personKeys,
  sortKeyOf,
  type Features,
  type GivenRecord,
} from '@timeline/matching';
import { customerOwner, type Projection } from '@timeline/projecting';
import type {
  CustomerEvent,
  CustomerKind,
  Identity,
  PersonalDetails,
} from '../../../customers/src/customers.events.js';
import { ordered, toldIn, withoutSayer, type Told } from '../../../customers/src/told.events.js';

const FIELDS = ['name', 'birthDate', 'address'] as const;
/** All that was said of a field and may yet hold, the best first, by the rule that profiles go by. */
type Compared = { [F in (typeof FIELDS)[number]]?: Told[] };

export interface CandidateDocument {
  customerId: string;
  /** By pass, as `personKeys` and `identityKeys` name them: what the indexes are on. */
  keys: Record<string, string>;
  /** Among those with the same key: the likeliest stand next to each other. */
  order: string;
  /** Absent in documents of identities. */
  record?: {
    kind: CustomerKind;
    said: Compared;
    identities: Pick<Identity, 'kind' | 'value' | 'system' | 'hash'>[];
  };
  features?: Features;
  /** The last event that changed `features`. */
  changed?: Position;
}

export type CandidateEvent = Extract<
  CustomerEvent,
  {
    type:
      | 'CustomerRegistered'
      | 'CustomerUpdated'
      | 'CustomerIdentityAdded'
      | 'CustomerIdentityRemoved'
      | 'CustomerFieldVerified'
      | 'CustomerFieldsRetracted'
      | 'CustomerRegistrationWithdrawn';
  }
>;

export const duplicateCandidatesProjection: Projection<CandidateDocument, CandidateEvent, never> = {
  name: 'duplicate-candidates',
  version: 3,
  handles: [
    'CustomerRegistered',
    'CustomerUpdated',
    'CustomerIdentityAdded',
    'CustomerIdentityRemoved',
    'CustomerFieldVerified',
    'CustomerFieldsRetracted',
    'CustomerRegistrationWithdrawn',
  ],
  indexes: [
    ...[...PERSON_PASSES, ...IDENTITY_PASSES].map((pass) => ({
      name: pass.toLowerCase(),
      key: { [`keys.${pass}`]: 1, order: 1 } as const,
    })),
    { name: 'changed', key: { changed: 1 } },
  ],

  keys(event) {
    const { customerId } = event.metadata;
    if (customerId === undefined) return [];
    const owner = customerOwner(customerId);
    return [
      { key: customerId, owner },
      ...identitiesIn(event).map(({ hash }) => ({ key: identityKey(customerId, hash), owner })),
    ];
  },

  evolve(doc, event, key) {
    const { customerId } = event.metadata;
    if (customerId === undefined) return doc;
    return key === customerId ? ofCustomer(doc, event, key) : ofIdentity(doc, event, customerId, key);
  },
};

const identityKey = (customerId: string, hash: string): string => `${customerId}/${hash}`;

function identitiesIn(event: Recorded<CandidateEvent>): Identity[] {
  switch (event.type) {
    case 'CustomerRegistered':
      return event.personal?.identities ?? [];
    case 'CustomerIdentityAdded':
    case 'CustomerIdentityRemoved':
      return event.personal ? [event.personal.identity] : [];
    case 'CustomerUpdated':
    case 'CustomerFieldVerified':
    case 'CustomerFieldsRetracted':
    case 'CustomerRegistrationWithdrawn':
      // Whose registration is withdrawn had them removed before, each by an event of its own.
      return [];
    default:
      return event satisfies never;
  }
}

function ofIdentity(
  doc: CandidateDocument | undefined,
  event: Recorded<CandidateEvent>,
  customerId: string,
  key: string,
): CandidateDocument | undefined {
  if (event.type === 'CustomerIdentityRemoved') return undefined;
  const identity = identitiesIn(event).find(({ hash }) => identityKey(customerId, hash) === key);
  const [keys] = identity ? identityKeys(featuresOf({ kind: 'person', ...identitiesOf([identity]) })) : [];
  return keys ? { customerId, keys: { ...keys }, order: customerId } : doc;
}

function ofCustomer(
  doc: CandidateDocument | undefined,
  event: Recorded<CandidateEvent>,
  customerId: string,
): CandidateDocument | undefined {
  if (event.type === 'CustomerRegistrationWithdrawn') return undefined;
  const before = doc?.record ?? { kind: 'person' as const, said: {}, identities: [] };
  const record = recordAfter(before, event);
  const features = featuresOf(givenOf(record));
  const isSame = doc?.features !== undefined && canonicalJson(doc.features) === canonicalJson(features);
  return {
    customerId,
    keys: { ...personKeys(features) },
    order: `${sortKeyOf(features)} ${customerId}`,
    record,
    features,
    changed: isSame && doc.changed !== undefined ? doc.changed : event.position,
  };
}

type CandidateRecord = NonNullable<CandidateDocument['record']>;

function recordAfter(
  record: CandidateRecord,
  event: Recorded<Exclude<CandidateEvent, { type: 'CustomerRegistrationWithdrawn' }>>,
): CandidateRecord {
  const others = (hash: string) => record.identities.filter((identity) => identity.hash !== hash);
  switch (event.type) {
    case 'CustomerRegistered':
      return {
        kind: event.data.kind,
        said: saidAfter(record.said, event.personal, event),
        identities: (event.personal?.identities ?? []).map(kept),
      };
    case 'CustomerUpdated':
      return { ...record, said: saidAfter(record.said, event.personal, event) };
    case 'CustomerIdentityAdded': {
      const identity = event.personal?.identity;
      return identity ? { ...record, identities: [...others(identity.hash), kept(identity)] } : record;
    }
    case 'CustomerIdentityRemoved': {
      const identity = event.personal?.identity;
      return identity ? { ...record, identities: others(identity.hash) } : record;
    }
    case 'CustomerFieldVerified': {
      const { value, hash } = event.personal ?? {};
      if (value === undefined || hash !== undefined) return record;
      return { ...record, said: saidAfter(record.said, { [event.data.field]: value }, event, true) };
    }
    case 'CustomerFieldsRetracted': {
      const said = { ...record.said };
      for (const field of FIELDS)
        if (event.data.fields.includes(field)) said[field] = withoutSayer(said[field] ?? [], event.data);
      return { ...record, said };
    }
    default:
      return event satisfies never;
  }
}

const kept = ({ kind, value, system, hash }: Identity): CandidateRecord['identities'][number] => ({
  kind,
  value,
  ...(system !== undefined && { system }),
  hash,
});

function saidAfter(
  before: Compared,
  members: { readonly [Field in keyof PersonalDetails]?: unknown } | undefined,
  event: Recorded<CandidateEvent>,
  isVerified = false,
): Compared {
  const after = { ...before };
  for (const field of FIELDS) {
    const value = members?.[field];
    if (value === undefined) continue;
    const told: Told = { ...toldIn(event, value), ...(isVerified && { verified: true }) };
    after[field] = ordered([...(before[field] ?? []), told]);
  }
  return after;
}

/** A device is a household's as much as a person's, so it is not compared. */
export function identitiesOf(
  identities: readonly { kind: Identity['kind']; value: string; system?: string }[],
): Required<Pick<GivenRecord, 'phones' | 'emails' | 'ids'>> {
  const values = (kind: Identity['kind']): string[] =>
    identities.filter((identity) => identity.kind === kind).map(({ value }) => value);
  return {
    phones: values('phone'),
    emails: values('email'),
    ids: identities.flatMap(({ kind, value, system }) =>
      kind === 'phone' || kind === 'email' || kind === 'device'
        ? []
        : [{ system: system === undefined ? kind : `${kind} ${system}`, value }],
    ),
  };
}

function givenOf({ kind, said, identities }: CandidateRecord): GivenRecord {
  const value = <F extends keyof Compared & keyof PersonalDetails>(field: F): PersonalDetails[F] =>
    // Written by `saidAfter` from this very field of an event.
    (said[field]?.[0]?.value ?? undefined) as PersonalDetails[F];
  const [name, birthDate, address] = [value('name'), value('birthDate'), value('address')];
  return {
    kind,
    ...(name && { name }),
    ...(birthDate !== undefined && { birthDate }),
    ...(address && { address }),
    ...identitiesOf(identities),
  };
}
