/**
 * The rules of one customer, the stream `customer-{id}`. That an identity has one owner is not decided here but in the
 * identity's own stream; what is decided here is whether the customer *holds* it, under a claim that is not over.
 * Erased is final: whatever comes later is refused, and `evolve` takes no notice of it.
 */
import {
  addDays,
  canonicalJson,
  DomainError,
  type Decider,
  type Decision,
  type DecisionContext,
  type Instant,
  type Recorded,
} from '@timeline/kernel';
import {
  candidateOf,
  hear,
  hearVerified,
  lastOfSource,
  namesIn,
  preferenceNames,
  saidOf,
  takeBack,
  traitNames,
  type Candidate,
  type Heard,
} from './candidates.js';
import {
  IDENTITY_KINDS,
  type Consent,
  type ContactPreferences,
  type CustomerEvent,
  type CustomerKind,
  type EnrichedValues,
  type ErasureCertificate,
  type Identity,
  type LegalBasis,
  type LifecycleStage,
  type PersonalDetails,
  type Traits,
  type VerificationMethod,
} from './customers.events.js';
import { acceptedByItself } from './enrichment/enrichment-rule.js';
import {
  forgetAll,
  join,
  leave,
  withMembership,
  type JoinCompany,
  type KnownMembership,
  type LeaveCompany,
} from './companies/company-memberships.js';
import {
  claimsOf,
  goesBy,
  MAX_IDENTITIES,
  sameAmong,
  withIdentity,
  withoutIdentity,
} from './identities/held-identities.js';
import type { ReleaseReason } from './identities/identity.decider.js';
import { acceptableFields, acceptedUnder, type Checks } from './accepted-under.js';
import { entryOf, saidBy, type Latest } from './latest.js';
import { NEEDS_A_NAME_OR_IDENTITY, stageMove, stagesAfter } from './lifecycle-stages.js';
import { isOf, withoutSayer, type Sayer } from './told.events.js';

export const customerStream = (customerId: string): string => `customer-${customerId}`;

/** Names ever used: a removed one is remembered, so that what arrives late does not bring it back. */
const MAX_TRAITS = 100;
const MAX_CONSENTS = 200;
/** Waiting for a person at once. */
const MAX_ENRICHMENTS = 50;

/** `null` removes. */
type Clearable<T> = { [Field in keyof T]?: T[Field] | null };

export interface CustomerChanges extends Clearable<PersonalDetails> {
  language?: string | null;
  region?: string | null;
  traits?: Record<string, Traits[string] | null>;
}

/** `checks`: what its facts are held to; a command that nobody gave, such as the opening of an unknown sender, has none. */
export type CustomerCommand = { customerId: string; checks?: Checks } & (
  | {
      type: 'register';
      kind: CustomerKind;
      details: PersonalDetails;
      identities: readonly Identity[];
      stage: LifecycleStage;
      language?: string;
      region?: string;
      traits: Traits;
      anonymous?: true;
    }
  | { type: 'update'; changes: CustomerChanges }
  /** What a row of an import says; what is left out is not said. */
  | {
      type: 'import';
      source: string;
      kind: CustomerKind;
      details: PersonalDetails;
      /** Those that the customer does not hold. */
      identities: readonly Identity[];
      stage?: LifecycleStage;
      language?: string;
      region?: string;
      traits: Traits;
      consents: readonly Consent[];
    }
  | { type: 'add-identity'; identity: Identity }
  /** `hashes`: all that it goes by, in the spelling that was given. */
  | { type: 'remove-identity'; hashes: readonly string[] }
  | ({ type: 'change-consent' } & Consent)
  | { type: 'change-preferences'; preferences: Clearable<ContactPreferences> }
  | { type: 'change-stage'; to: LifecycleStage; reason?: string }
  | JoinCompany
  | LeaveCompany
  | {
      type: 'propose-enrichment';
      enrichmentId: string;
      provider: string;
      confidence: number;
      legalBasis: LegalBasis;
      values: EnrichedValues;
    }
  /** `fields`: all that are open where absent. */
  | { type: 'accept-enrichment'; enrichmentId: string; fields?: readonly string[] }
  | { type: 'reject-enrichment'; enrichmentId: string; fields?: readonly string[]; reason?: string }
  /** `field`: a name of the profile, `traits.{name}` or a kind of identity, its primary one unless `hashes` name another. */
  | { type: 'verify'; field: string; hashes?: readonly string[]; by: string; method: VerificationMethod }
  /**
   * Takes back what a source or an import said: of `field` and what is in it, or of everything. `isAlone`: no other
   * slice knows anything of the customer, so that a registration of its own may be withdrawn.
   */
  | { type: 'retract'; sayer: Sayer; field?: string; isAlone: boolean }
  /** `erasedWith`: whose erasure takes this customer too. */
  | { type: 'erase'; reason: string; erasedWith?: string }
  /** `occurredAt`: when the command behind the claim says that it happened. */
  | { type: 'lapse-claim'; claim: string; occurredAt?: Instant }
  | { type: 'carry-out-erasure' }
  | {
      type: 'certify-erasure';
      found: Omit<ErasureCertificate, 'backups'>;
      /** Where the operator states it. */
      backupRetentionDays?: number;
    }
);

/** In `fields` by name: those of `PersonalDetails`, `language`, `region`, `stage` and `preferences.{name}`. `null`: removed. */
export interface CustomerState extends Heard {
  /** `unknown`: not registered (a claim may have lapsed all the same), or not any more. */
  readonly status: 'unknown' | 'active' | 'erased';
  readonly kind?: CustomerKind;
  readonly stage?: Latest<LifecycleStage>;
  /** The registration was withdrawn: what is still in the log may be erased. */
  readonly isWithdrawn: boolean;
  /** Whoever has said anything, claims and retractions apart. */
  readonly sayers: readonly Candidate<null>[];
  /** Who said that the customer has an identity, by hash. */
  readonly origins: Readonly<Record<string, readonly Candidate[]>>;
  /** What the keys still open. */
  readonly identities: readonly Identity[];
  /** By company; those left are remembered. */
  readonly companies: Readonly<Record<string, KnownMembership>>;
  /** How many identities there are, known without the keys too. */
  readonly identityCount: number;
  /** What was proposed and waits for a person, by id. */
  readonly proposals: Readonly<Record<string, { fields: readonly string[]; values: EnrichedValues }>>;
  /** Claims that were held and are not any more, or never will be; by claim. */
  readonly endedClaims: Readonly<Record<string, { reason: ReleaseReason; hash?: string; retracted?: true }>>;
  readonly erasureCarriedOut: boolean;
  readonly erasureCertified: boolean;
}

type Command<Type extends CustomerCommand['type']> = Extract<CustomerCommand, { type: Type }>;
type Decisions = Decision<CustomerEvent>[];

const rules: Decider<CustomerState, CustomerCommand, CustomerEvent> = {
  initialState: {
    status: 'unknown',
    fields: {},
    traits: {},
    consents: {},
    losing: {},
    isWithdrawn: false,
    sayers: [],
    origins: {},
    companies: {},
    identities: [],
    identityCount: 0,
    proposals: {},
    endedClaims: {},
    erasureCarriedOut: false,
    erasureCertified: false,
  },

  evolve(before, event) {
    if (before.status === 'erased') {
      if (event.type === 'CustomerErasureCarriedOut') return { ...before, erasureCarriedOut: true };
      return event.type === 'CustomerErasureCertified' ? { ...before, erasureCertified: true } : before;
    }
    const state = withSayer(before, event);
    const said = saidBy(event);
    switch (event.type) {
      case 'CustomerRegistered': {
        const { kind, stage, language, region, traits, identityKinds = [] } = event.data;
        const { identities = [], ...details } = event.personal ?? {};
        return {
          ...state,
          ...hear(state, { ...details, language, region, ...traitNames(traits), stage }, event),
          status: 'active',
          isWithdrawn: false,
          kind,
          stage: { value: stage, ...said },
          identities,
          identityCount: identityKinds.length,
          origins: Object.fromEntries(identities.map(({ hash }) => [hash, [candidateOf(null, event)]])),
        };
      }
      case 'CustomerUpdated': {
        const { language, region, traits = {} } = event.data;
        return { ...state, ...hear(state, { ...event.personal, language, region, ...traitNames(traits) }, event) };
      }
      case 'CustomerIdentityAdded': {
        const identity = event.personal?.identity;
        return {
          ...state,
          ...(identity && {
            identities: withIdentity(state.identities, identity),
            origins: withOrigin(state, identity.hash, candidateOf(null, event)),
          }),
          identityCount: state.identityCount + (event.data.held ? 0 : 1),
        };
      }
      case 'CustomerIdentityRemoved': {
        const identity = event.personal?.identity;
        return {
          ...state,
          identityCount: state.identityCount - 1,
          ...(identity && {
            identities: withoutIdentity(state.identities, identity.hash),
            origins: { ...state.origins, [identity.hash]: [] },
            endedClaims: {
              ...state.endedClaims,
              ...Object.fromEntries(
                claimsOf(identity).map(({ hash, claim }) => [
                  claim,
                  { reason: 'removed' as const, hash, ...(event.data.retracted && { retracted: true as const }) },
                ]),
              ),
            },
          }),
        };
      }
      case 'CustomerConsentChanged':
        return { ...state, ...hear(state, { [consentName(event.data)]: event.data }, event) };
      case 'CustomerPreferencesChanged':
        return { ...state, ...hear(state, preferenceNames(event.data.preferences), event) };
      case 'CustomerLifecycleStageChanged':
        return { ...state, ...hear(state, { stage: event.data.to }, event), stage: { value: event.data.to, ...said } };
      case 'CustomerJoinedCompany':
      case 'CustomerLeftCompany': {
        const companies = withMembership(state.companies, event, (after) => ({ ...after, at: said.at }));
        return { ...state, companies };
      }
      case 'CustomerFieldVerified': {
        if (!event.personal) return state;
        const { value, hash } = event.personal;
        const { by, method } = event.data;
        if (hash === undefined) return { ...state, ...hearVerified(state, { ...event.data, value }, event) };
        const verified = { ...candidateOf(null, event), verified: { by, method } };
        return { ...state, origins: withOrigin(state, hash, verified) };
      }
      case 'CustomerFieldsRetracted': {
        const after = takeBack(state, event.data.fields, event.data);
        const { stage } = event.data.now;
        return { ...state, ...after, ...(stage !== undefined && { stage: { value: stage, ...said } }) };
      }
      case 'EnrichmentProposed': {
        const { enrichmentId, fields } = event.data;
        const values = event.personal?.values;
        return values ? { ...state, proposals: { ...state.proposals, [enrichmentId]: { fields, values } } } : state;
      }
      case 'EnrichmentAccepted':
      case 'EnrichmentRejected': {
        const { [event.data.enrichmentId]: proposal, ...others } = state.proposals;
        const fields = proposal?.fields.filter((field) => !event.data.fields.includes(field)) ?? [];
        const isOpen = proposal && fields.length > 0;
        return {
          ...state,
          proposals: isOpen ? { ...others, [event.data.enrichmentId]: { ...proposal, fields } } : others,
        };
      }
      case 'CustomerRegistrationWithdrawn':
        return { ...rules.initialState, endedClaims: state.endedClaims, isWithdrawn: true };
      case 'CustomerErased':
        return { ...state, status: 'erased' };
      case 'CustomerErasureCarriedOut':
      case 'CustomerErasureCertified':
        return state;
      case 'IdentityClaimLapsed':
        return { ...state, endedClaims: { ...state.endedClaims, [event.data.claim]: { reason: 'lapsed' } } };
      default:
        return event satisfies never;
    }
  },

  decide(command, state, context) {
    if (state.status === 'erased') return decideErased(command, state, context);
    if (command.type === 'register') return register(command, state, context);
    if (command.type === 'import') return importRow(command, state, context);
    if (command.type === 'lapse-claim') return lapseClaim(command, state);
    if (command.type === 'retract') return retract(command, state);
    if (command.type === 'erase' && state.isWithdrawn)
      return [{ type: 'CustomerErased', data: { reason: command.reason } }];
    if (state.status === 'unknown') throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no customer with this id');
    switch (command.type) {
      case 'update':
        return update(command, state, context);
      case 'add-identity':
        return addIdentity(command, state);
      case 'remove-identity':
        return removeIdentity(command, state);
      case 'change-consent':
        return changeConsent(command, state, context);
      case 'change-preferences':
        return changePreferences(command, state, context);
      case 'change-stage':
        return changeStage(command, state, context);
      case 'join-company':
        return join(command, state, context.occurredAt);
      case 'leave-company':
        return leave(command, state, context.occurredAt);
      case 'verify':
        return verify(command, state);
      case 'propose-enrichment':
        return proposeEnrichment(command, state, context);
      case 'accept-enrichment': {
        const { values, fields } = openFields(command, state);
        return acceptEnrichment(command.enrichmentId, values, fields, 'person', state, context);
      }
      case 'reject-enrichment': {
        const { enrichmentId, reason } = command;
        const { fields } = openFields(command, state);
        return [
          { type: 'EnrichmentRejected', data: { enrichmentId, fields, ...(reason !== undefined && { reason }) } },
        ];
      }
      case 'erase': {
        const { customerId, reason, erasedWith } = command;
        return [
          ...forgetAll(customerId, state),
          { type: 'CustomerErased', data: { reason, ...(erasedWith !== undefined && { erasedWith }) } },
        ];
      }
      case 'carry-out-erasure':
      case 'certify-erasure':
        throw new DomainError(
          'CUSTOMER_NOT_ERASED',
          'the erasure of a customer who is not erased cannot be carried out or certified',
        );
      default:
        return command satisfies never;
    }
  },

  customerOf: (command) => command.customerId,
};

export const customerDecider: typeof rules = {
  ...rules,
  decide(command, state, context) {
    const decisions = rules.decide(command, state, context);
    return command.checks ? acceptedUnder(command.checks, decisions, state) : decisions;
  },
};

/** Whether the customer holds an identity under this claim. */
export const holdsClaim = (state: CustomerState, claim: string): boolean =>
  state.identities.flatMap(claimsOf).some((held) => held.claim === claim);

/** @param pointer to whom of the request it is, where there are several */
export const customerErased = (pointer?: string): DomainError =>
  new DomainError(
    'CUSTOMER_ERASED',
    'the customer was erased; nothing can be recorded or read under this id any more',
    pointer === undefined ? {} : { pointer },
  );

function decideErased(command: CustomerCommand, state: CustomerState, { now }: DecisionContext): Decisions {
  switch (command.type) {
    case 'lapse-claim':
      // Nobody can hold a claim under this customer any more, so there is nothing to guard against.
      return [];
    case 'carry-out-erasure':
      if (state.erasureCarriedOut) return [];
      return [{ type: 'CustomerErasureCarriedOut', data: { claimsReleased: state.identityCount } }];
    case 'certify-erasure':
      return certifyErasure(command, state, now);
    default:
      throw customerErased();
  }
}

function certifyErasure(
  { found, backupRetentionDays: days }: Command<'certify-erasure'>,
  state: CustomerState,
  now: Instant,
): Decisions {
  if (!state.erasureCarriedOut)
    throw new DomainError('ERASURE_NOT_CARRIED_OUT', 'an erasure is certified only after it was carried out');
  if (state.erasureCertified) return [];
  // A backup made just now may be the last that holds something: a read store has names until it is past the erasure.
  const backups = days === undefined ? 'not-stated' : { retentionDays: days, expireAt: addDays(now, days) };
  return [{ type: 'CustomerErasureCertified', data: { ...found, backups } }];
}

function register(command: Command<'register'>, state: CustomerState, { now }: DecisionContext): Decisions {
  if (state.status !== 'unknown')
    throw new DomainError('CUSTOMER_EXISTS', 'a customer with this id is registered already');
  assertBirthDate(command.details.birthDate, now);
  assertTraitCount(command.traits);
  for (const { claim } of command.identities.flatMap(claimsOf)) assertClaimNotOver(claim, state);
  const { customerId, kind, stage, language, region, traits, details, anonymous } = command;
  const identities = command.identities.reduce<Identity[]>(withIdentity, []);
  return [
    {
      type: 'CustomerRegistered',
      data: {
        customerId,
        kind,
        stage,
        ...(language !== undefined && { language }),
        ...(region !== undefined && { region }),
        traits,
        identityKinds: identities.map((identity) => identity.kind),
        ...(anonymous && { anonymous }),
      },
      personal: { ...details, identities },
    },
  ];
}

function update(
  { changes }: Pick<Command<'update'>, 'changes'>,
  state: CustomerState,
  context: DecisionContext,
): Decisions {
  const { language, region, traits, ...details } = changes;
  assertBirthDate(details.birthDate ?? undefined, context.now);
  const personal = changed(details, state.fields, context.occurredAt);
  const data = changed({ language, region }, state.fields, context.occurredAt);
  const changedTraits = changed(traits ?? {}, state.traits, context.occurredAt);
  const names = [
    ...Object.keys(personal),
    ...Object.keys(data),
    ...Object.keys(changedTraits).map((name) => `traits.${name}`),
  ];
  if (names.length === 0) return [];
  assertTraitCount({ ...state.traits, ...changedTraits });
  return [
    {
      type: 'CustomerUpdated',
      data: { changed: names, ...data, ...(Object.keys(changedTraits).length > 0 && { traits: changedTraits }) },
      ...(Object.keys(personal).length > 0 && { personal }),
    },
  ];
}

/** The members that say something new. What is said of a time before is new even when it is what is known now. */
function changed<Members extends object>(
  members: Members,
  known: Readonly<Record<string, Latest<unknown>>>,
  occurredAt: Instant,
): Members {
  const isNews = ([name, value]: [string, unknown]): boolean => {
    if (value === undefined) return false;
    const before = entryOf(known, name);
    if (!before) return value !== null;
    return occurredAt < before.at || canonicalJson(before.value) !== canonicalJson(value);
  };
  // The same members, some left out; all of them are optional.
  return Object.fromEntries(Object.entries(members).filter(isNews)) as Members;
}

/** One row, as one append: the registration and its consents, or what the row's source says otherwise than before. */
function importRow(command: Command<'import'>, state: CustomerState, context: DecisionContext): Decisions {
  const { customerId, source, stage, language, region, traits, details, consents } = command;
  const identities = command.identities.filter((identity) => !sameAmong(state.identities, hashesOf(identity)));
  if (state.status === 'unknown') {
    const registered = register({ ...command, type: 'register', identities, stage: stage ?? 'lead' }, state, context);
    return [...registered, ...consents.flatMap((consent) => changeConsent(consent, state, context))];
  }
  const isNews = ([name, value]: [string, unknown], current: unknown): boolean => {
    const before = lastOfSource(saidOf(state, name), source);
    return canonicalJson(before ? before.value : current) !== canonicalJson(value);
  };
  const news = <Members extends object>(
    members: Members,
    known: Record<string, Latest<unknown>>,
    prefix = '',
  ): Members =>
    // The same members, some left out; all of them are optional.
    Object.fromEntries(
      Object.entries(members).filter(
        ([name, value]) =>
          value !== undefined && isNews([`${prefix}${name}`, value], entryOf(known, name)?.value ?? null),
      ),
    ) as Members;
  assertBirthDate(details.birthDate, context.now);
  const personal = news(details, state.fields);
  const data = news({ language, region }, state.fields);
  const newTraits = news(traits, state.traits, 'traits.');
  assertTraitCount({ ...state.traits, ...newTraits });
  const changed = [...Object.keys(personal), ...Object.keys(data), ...Object.keys(traitNames(newTraits))];
  const decisions: Decisions = [];
  if (changed.length > 0) {
    decisions.push({
      type: 'CustomerUpdated',
      data: { changed, ...data, ...(Object.keys(newTraits).length > 0 && { traits: newTraits }) },
      ...(Object.keys(personal).length > 0 && { personal }),
    });
  }
  let held = state;
  for (const identity of identities) {
    decisions.push(...addIdentity({ type: 'add-identity', customerId, identity }, held));
    held = { ...held, identities: withIdentity(held.identities, identity) };
  }
  for (const consent of consents) {
    const current = entryOf(state.consents, consentKey(consent))?.value ?? null;
    if (isNews([consentName(consent), consent], current)) decisions.push(...changeConsent(consent, state, context));
  }
  if (stage !== undefined && isNews(['stage', stage], state.stage?.value)) {
    const move = { type: 'change-stage', customerId, to: stage, reason: `import from ${source}` } as const;
    decisions.push(...changeStage(move, state, context));
  }
  return decisions;
}

const consentName = (consent: Pick<Consent, 'purpose' | 'channel'>): string => `consents.${consentKey(consent)}`;

const hashesOf = (identity: Identity): string[] => claimsOf(identity).map(({ hash }) => hash);

function addIdentity({ identity }: Command<'add-identity'>, state: CustomerState): Decisions {
  const held = sameAmong(state.identities, hashesOf(identity));
  // No two identities rest on one claim: with the one it would be over for the other.
  const claims = claimsOf(identity).filter(({ hash }) => !state.identities.some((each) => goesBy(each, hash)));
  for (const { claim } of claims) assertClaimNotOver(claim, state);
  if (held) {
    const primary = held.primary || identity.primary;
    if (primary === held.primary && claims.length === 0) return [];
    const also = [...(held.also ?? []), ...claims];
    return [
      {
        type: 'CustomerIdentityAdded',
        data: { kind: held.kind, held: true },
        personal: { identity: { ...held, primary, ...(also.length > 0 && { also }) } },
      },
    ];
  }
  if (state.identities.length >= MAX_IDENTITIES) {
    throw new DomainError('TOO_MANY_IDENTITIES', `a customer has at most ${MAX_IDENTITIES} identities`, {
      pointer: '/value',
    });
  }
  const isFirst = !state.identities.some(({ kind }) => kind === identity.kind);
  const added = { ...identity, primary: identity.primary || isFirst };
  return [{ type: 'CustomerIdentityAdded', data: { kind: added.kind }, personal: { identity: added } }];
}

function removeIdentity({ hashes }: Command<'remove-identity'>, state: CustomerState): Decisions {
  const identity = sameAmong(state.identities, hashes);
  if (!identity) throw new DomainError('IDENTITY_NOT_FOUND', 'the customer has no such identity');
  return [{ type: 'CustomerIdentityRemoved', data: { kind: identity.kind }, personal: { identity } }];
}

function changeConsent(command: Consent, state: CustomerState, { occurredAt }: DecisionContext): Decisions {
  const { purpose, channel, status, textVersion, proof } = command;
  const consent: Consent = {
    purpose,
    status,
    ...(channel !== undefined && { channel }),
    textVersion,
    ...(proof !== undefined && { proof }),
  };
  const key = consentKey(consent);
  const before = state.consents[key];
  if (before && before.at <= occurredAt && canonicalJson(before.value) === canonicalJson(consent)) return [];
  if (!before && Object.keys(state.consents).length >= MAX_CONSENTS) {
    throw new DomainError('TOO_MANY_CONSENTS', `a customer has at most ${MAX_CONSENTS} purposes and channels`, {
      pointer: '/purpose',
    });
  }
  return [{ type: 'CustomerConsentChanged', data: consent }];
}

/** Consents replace each other by purpose and channel; one without a channel is for all that have none of their own. */
export const consentKey = ({ purpose, channel }: Pick<Consent, 'purpose' | 'channel'>): string =>
  `${encodeKey(purpose)}/${channel === undefined ? '' : encodeKey(channel)}`;

// Keys of stored maps must hold no "." or "$".
const encodeKey = (text: string): string => encodeURIComponent(text).replaceAll('.', '%2E');

function changePreferences(
  { preferences }: Command<'change-preferences'>,
  state: CustomerState,
  { occurredAt }: DecisionContext,
): Decisions {
  const news = changed(preferenceNames(preferences), state.fields, occurredAt);
  const names = Object.keys(news);
  if (names.length === 0) return [];
  const isNews = ([name]: [string, unknown]): boolean => names.includes(`preferences.${name}`);
  // The same members, some left out; all of them are optional.
  const said = Object.fromEntries(Object.entries(preferences).filter(isNews)) as typeof preferences;
  return [{ type: 'CustomerPreferencesChanged', data: { changed: names, preferences: said } }];
}

function changeStage(
  { to, reason }: Command<'change-stage'>,
  { stage, identityCount, fields }: CustomerState,
  { occurredAt }: DecisionContext,
): Decisions {
  if (!stage) throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no customer with this id');
  const from = stage.value;
  if (from === to) return [];
  if (occurredAt < stage.at) {
    throw new DomainError(
      'STAGE_OUT_OF_ORDER',
      `the stage changed at ${stage.at}; a change before that cannot be entered`,
      {
        pointer: '/occurredAt',
      },
    );
  }
  const move = stageMove(from, to);
  if (move === 'impossible') {
    throw new DomainError(
      'STAGE_MOVE_REFUSED',
      `from ${from} a customer can become ${stagesAfter(from).join(', ')}, not ${to}`,
      {
        pointer: '/to',
        from,
      },
    );
  }
  if (move === 'back' && reason === undefined) {
    throw new DomainError('STAGE_REASON_REQUIRED', `${from} to ${to} is a move back: say why in "reason"`, {
      pointer: '/reason',
    });
  }
  const isKnown = identityCount > 0 || (entryOf(fields, 'name')?.value ?? null) !== null;
  if (NEEDS_A_NAME_OR_IDENTITY.has(to) && !isKnown) {
    throw new DomainError(
      'STAGE_GUARD_FAILED',
      `nobody becomes ${to} who has neither a name nor an identity; add one first`,
      {
        pointer: '/to',
      },
    );
  }
  return [{ type: 'CustomerLifecycleStageChanged', data: { from, to, ...(reason !== undefined && { reason }) } }];
}

function lapseClaim({ claim, occurredAt }: Command<'lapse-claim'>, state: CustomerState): Decisions {
  if (holdsClaim(state, claim) || state.endedClaims[claim]) return [];
  // As the first event of the stream it must not be later than the registration that may yet come.
  const isFirst = state.status === 'unknown' && occurredAt !== undefined;
  return [{ type: 'IdentityClaimLapsed', data: { claim }, ...(isFirst && { occurredAt }) }];
}

function assertClaimNotOver(claim: string, state: CustomerState): void {
  if (state.endedClaims[claim])
    throw new DomainError('CLAIM_ENDED', 'the claim that this rests on is over; claim anew');
}

function assertTraitCount(traits: object): void {
  if (Object.keys(traits).length > MAX_TRAITS) {
    throw new DomainError('TOO_MANY_TRAITS', `a customer has at most ${MAX_TRAITS} traits, removed ones included`, {
      pointer: '/traits',
    });
  }
}

function assertBirthDate(birthDate: string | undefined, now: Instant): void {
  // A day later is still today somewhere.
  const latest = new Date(Date.parse(now) + 14 * 3_600_000).toISOString().slice(0, 10);
  if (birthDate !== undefined && birthDate > latest) {
    throw new DomainError('BIRTH_DATE_IN_FUTURE', 'birthDate is in the future', { pointer: '/birthDate' });
  }
}

function verify({ field, hashes, by, method }: Command<'verify'>, state: CustomerState): Decisions {
  const nothing = (): DomainError =>
    new DomainError('NOTHING_TO_VERIFY', 'the customer has no such value', { pointer: '/field' });
  const data = { field, by, method };
  if ((IDENTITY_KINDS as readonly string[]).includes(field)) {
    const ofKind = state.identities.filter(({ kind }) => kind === field);
    const identity = hashes ? sameAmong(ofKind, hashes) : ofKind.find(({ primary }) => primary);
    if (!identity) throw nothing();
    return [{ type: 'CustomerFieldVerified', data, personal: { value: identity.value, hash: identity.hash } }];
  }
  const [held] = field === 'stage' || field.startsWith('consents.') ? [] : saidOf(state, field);
  if (!held || held.value === null) throw nothing();
  return [{ type: 'CustomerFieldVerified', data, personal: { value: held.value } }];
}

function proposeEnrichment(
  { enrichmentId, provider, confidence, legalBasis, values, checks }: Command<'propose-enrichment'>,
  state: CustomerState,
  context: DecisionContext,
): Decisions {
  if (Object.keys(state.proposals).length >= MAX_ENRICHMENTS) {
    const message = `${MAX_ENRICHMENTS} proposals about this customer wait for a person; accept or reject some first`;
    throw new DomainError('TOO_MANY_ENRICHMENTS', message);
  }
  assertBirthDate(values.birthDate, context.now);
  const { traits = {}, ...details } = values;
  const fields = Object.keys({ ...details, ...traitNames(traits) });
  const ofRule = (accepted: readonly string[]): Decisions =>
    acceptEnrichment(enrichmentId, values, accepted, 'rule', state, context);
  const unheld = acceptedByItself(state, fields, confidence);
  // What a standard refuses waits for a person, who may reject it or ask for another standard.
  const sure = checks ? acceptableFields(checks, unheld, ofRule, state) : unheld;
  return [
    {
      type: 'EnrichmentProposed',
      data: { enrichmentId, provider, confidence, legalBasis, fields },
      personal: { values },
    },
    ...(sure.length === 0 ? [] : ofRule(sure)),
  ];
}

function openFields(
  { enrichmentId, fields }: Command<'accept-enrichment' | 'reject-enrichment'>,
  state: CustomerState,
): { values: EnrichedValues; fields: string[] } {
  const proposal = entryOf(state.proposals, enrichmentId);
  if (!proposal) throw new DomainError('ENRICHMENT_NOT_FOUND', 'no such proposal waits for a decision');
  const wrong = fields?.findIndex((field) => !proposal.fields.includes(field)) ?? -1;
  if (wrong >= 0) {
    const message = `of this proposal there are open: ${proposal.fields.join(', ')}`;
    throw new DomainError('ENRICHMENT_FIELD_NOT_OPEN', message, { pointer: `/fields/${wrong}` });
  }
  return { values: proposal.values, fields: [...new Set(fields ?? proposal.fields)] };
}

/** One append: that it was accepted, and the update where it says anything new. */
function acceptEnrichment(
  enrichmentId: string,
  { traits = {}, ...details }: EnrichedValues,
  fields: readonly string[],
  by: 'rule' | 'person',
  state: CustomerState,
  context: DecisionContext,
): Decisions {
  const isMeant =
    (prefix: string) =>
    ([name]: [string, unknown]) =>
      fields.includes(`${prefix}${name}`);
  const changes: CustomerChanges = {
    ...Object.fromEntries(Object.entries(details).filter(isMeant(''))),
    traits: Object.fromEntries(Object.entries(traits).filter(isMeant('traits.'))),
  };
  return [
    { type: 'EnrichmentAccepted', data: { enrichmentId, fields: [...fields], by } },
    ...update({ changes }, state, context),
  ];
}

function retract({ sayer, field, isAlone }: Command<'retract'>, state: CustomerState): Decisions {
  if (state.status === 'unknown') return [];
  const whose = sayer.importId === undefined ? { source: sayer.source } : { importId: sayer.importId };
  const isMeant = (name: string): boolean => field === undefined || name === field || name.startsWith(`${field}.`);
  const isOnlyTheirs = state.sayers.every((each) => isOf(each, sayer));
  const identities = state.identities.filter(({ kind, hash }) => {
    const said = entryOf(state.origins, hash) ?? [];
    const isTheirs = said.length > 0 && withoutSayer(said, sayer).length === 0;
    return isTheirs && (isMeant(kind) || field === 'identities');
  });
  const removed = (taken: readonly Identity[]): Decisions =>
    taken.map((identity) => ({
      type: 'CustomerIdentityRemoved',
      data: { kind: identity.kind, retracted: true },
      personal: { identity },
    }));
  const isInCompanies = Object.keys(state.companies).length > 0;
  if (isOnlyTheirs && isAlone && !isInCompanies && field === undefined) {
    // Nobody can decide on a proposal about a customer whom there is not.
    const rejected = Object.entries(state.proposals).map(([enrichmentId, { fields }]): Decisions[number] => ({
      type: 'EnrichmentRejected',
      data: { enrichmentId, fields: [...fields] },
    }));
    return [...removed(state.identities), ...rejected, { type: 'CustomerRegistrationWithdrawn', data: whose }];
  }
  const fields = namesIn(state).filter((name) => {
    const said = saidOf(state, name);
    // A customer is always in some stage.
    const isDispensable = name !== 'stage' || withoutSayer(said, sayer).length > 0;
    return isMeant(name) && isDispensable && said.some((each) => isOf(each, sayer));
  });
  if (fields.length === 0) return removed(identities);
  const after = takeBack(state, fields, sayer);
  const now: Extract<CustomerEvent, { type: 'CustomerFieldsRetracted' }>['data']['now'] = {};
  const stage = entryOf(after.fields, 'stage')?.value as LifecycleStage | undefined;
  if (fields.includes('stage') && stage !== undefined && stage !== state.stage?.value) now.stage = stage;
  for (const name of ['language', 'region'] as const)
    if (fields.includes(name)) now[name] = (entryOf(after.fields, name)?.value ?? null) as string | null;
  const traits = fields.filter((name) => name.startsWith('traits.')).map((name) => name.slice('traits.'.length));
  if (traits.length > 0)
    now.traits = Object.fromEntries(traits.map((name) => [name, entryOf(after.traits, name)?.value ?? null]));
  return [{ type: 'CustomerFieldsRetracted', data: { ...whose, fields, now } }, ...removed(identities)];
}

/** Facts that nobody said, or that only take back. */
const UNSAID: ReadonlySet<string> = new Set<CustomerEvent['type']>([
  'IdentityClaimLapsed',
  'CustomerFieldsRetracted',
  'CustomerRegistrationWithdrawn',
  'EnrichmentProposed',
  'EnrichmentAccepted',
  'EnrichmentRejected',
  'CustomerErased',
]);

function withSayer(state: CustomerState, event: Recorded<CustomerEvent>): CustomerState {
  if (UNSAID.has(event.type) || ('retracted' in event.data && event.data.retracted)) return state;
  const { source, importId } = candidateOf(null, event);
  const isKnown = state.sayers.some((each) => each.source === source && each.importId === importId);
  return isKnown ? state : { ...state, sayers: [...state.sayers, candidateOf(null, event)] };
}

const withOrigin = (
  { origins }: CustomerState,
  hash: string,
  candidate: Candidate,
): Readonly<Record<string, readonly Candidate[]>> => ({
  ...origins,
  [hash]: [...(entryOf(origins, hash) ?? []), candidate],
});
