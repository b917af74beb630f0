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
} from '@timeline/kernel';
import type {
  CustomerEvent,
  CustomerKind,
  ErasureCertificate,
  Identity,
  LifecycleStage,
  PersonalDetails,
  Traits,
} from './customers.events.js';
import { MAX_IDENTITIES, withIdentity, withoutIdentity } from './identities/held-identities.js';
import type { ReleaseReason } from './identities/identity.decider.js';
import { entryOf, saidBy, withLatest, type Latest, type Said } from './latest.js';
import { NEEDS_A_NAME_OR_IDENTITY, stageMove, stagesAfter } from './lifecycle-stages.js';

export const customerStream = (customerId: string): string => `customer-${customerId}`;

/** Names ever used: a removed one is remembered, so that what arrives late does not bring it back. */
const MAX_TRAITS = 100;
const MAX_CONSENTS = 200;

/** `null` removes. */
type Clearable<T> = { [Field in keyof T]?: T[Field] | null };

export interface CustomerChanges extends Clearable<PersonalDetails> {
  language?: string | null;
  region?: string | null;
  traits?: Record<string, Traits[string] | null>;
}

export interface Consent {
  purpose: string;
  channel?: string;
  status: 'granted' | 'withdrawn';
  textVersion: string;
  proof?: string;
}

export type CustomerCommand = { customerId: string } & (
  | {
      type: 'register';
      kind: CustomerKind;
      details: PersonalDetails;
      identities: readonly Identity[];
      stage: LifecycleStage;
      language?: string;
      region?: string;
      traits: Traits;
    }
  | { type: 'update'; changes: CustomerChanges }
  | { type: 'add-identity'; identity: Identity }
  | { type: 'remove-identity'; hash: string }
  | ({ type: 'change-consent' } & Consent)
  | { type: 'change-stage'; to: LifecycleStage; reason?: string }
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

export interface CustomerState {
  /** `unknown`: not registered (a claim may have lapsed all the same). */
  readonly status: 'unknown' | 'active' | 'erased';
  readonly stage?: Latest<LifecycleStage>;
  /** By name: those of `PersonalDetails`, `language` and `region`. `null`: removed. */
  readonly fields: Readonly<Record<string, Latest<unknown>>>;
  readonly traits: Readonly<Record<string, Latest<Traits[string] | null>>>;
  /** What the keys still open. */
  readonly identities: readonly Identity[];
  /** How many there are, known without the keys too. */
  readonly identityCount: number;
  /** Claims that were held and are not any more, or never will be; by claim. */
  readonly endedClaims: Readonly<Record<string, { reason: ReleaseReason; hash?: string }>>;
  readonly consents: Readonly<Record<string, Latest<Consent>>>;
  readonly erasureCarriedOut: boolean;
  readonly erasureCertified: boolean;
}

type Command<Type extends CustomerCommand['type']> = Extract<CustomerCommand, { type: Type }>;
type Decisions = Decision<CustomerEvent>[];

export const customerDecider: Decider<CustomerState, CustomerCommand, CustomerEvent> = {
  initialState: {
    status: 'unknown',
    fields: {},
    traits: {},
    identities: [],
    identityCount: 0,
    endedClaims: {},
    consents: {},
    erasureCarriedOut: false,
    erasureCertified: false,
  },

  evolve(state, event) {
    if (state.status === 'erased') {
      if (event.type === 'CustomerErasureCarriedOut') return { ...state, erasureCarriedOut: true };
      return event.type === 'CustomerErasureCertified' ? { ...state, erasureCertified: true } : state;
    }
    const said = saidBy(event);
    switch (event.type) {
      case 'CustomerRegistered': {
        const { stage, language, region, traits, identityKinds = [] } = event.data;
        const { identities = [], ...details } = event.personal ?? {};
        return {
          ...state,
          status: 'active',
          stage: { value: stage, ...said },
          fields: withFields(state.fields, { ...details, language, region }, said),
          traits: withFields(state.traits, traits, said),
          identities,
          identityCount: identityKinds.length,
        };
      }
      case 'CustomerUpdated': {
        const { language, region, traits = {} } = event.data;
        return {
          ...state,
          fields: withFields(state.fields, { ...event.personal, language, region }, said),
          traits: withFields(state.traits, traits, said),
        };
      }
      case 'CustomerIdentityAdded': {
        const identity = event.personal?.identity;
        return {
          ...state,
          identities: identity ? withIdentity(state.identities, identity) : state.identities,
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
            endedClaims: {
              ...state.endedClaims,
              [identity.claim]: { reason: 'removed' as const, hash: identity.hash },
            },
          }),
        };
      }
      case 'CustomerConsentChanged':
        return {
          ...state,
          consents: withLatest(state.consents, consentKey(event.data), { value: event.data, ...said }),
        };
      case 'CustomerLifecycleStageChanged':
        return { ...state, stage: { value: event.data.to, ...said } };
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
    if (command.type === 'lapse-claim') return lapseClaim(command, state);
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
      case 'change-stage':
        return changeStage(command, state, context);
      case 'erase': {
        const { reason, erasedWith } = command;
        return [{ type: 'CustomerErased', data: { reason, ...(erasedWith !== undefined && { erasedWith }) } }];
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

/** Whether the customer holds an identity under this claim. */
export const holdsClaim = (state: CustomerState, claim: string): boolean =>
  state.identities.some((identity) => identity.claim === claim);

export const customerErased = (): DomainError =>
  new DomainError('CUSTOMER_ERASED', 'the customer was erased; nothing can be recorded or read under this id any more');

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
  for (const { claim } of command.identities) assertClaimNotOver(claim, state);
  const { customerId, kind, stage, language, region, traits, details } = command;
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
      },
      personal: { ...details, identities },
    },
  ];
}

function update({ changes }: Command<'update'>, state: CustomerState, context: DecisionContext): Decisions {
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

function addIdentity({ identity }: Command<'add-identity'>, state: CustomerState): Decisions {
  const held = state.identities.find(({ hash }) => hash === identity.hash);
  if (held) {
    if (held.primary || !identity.primary) return [];
    return [
      {
        type: 'CustomerIdentityAdded',
        data: { kind: held.kind, held: true },
        personal: { identity: { ...held, primary: true } },
      },
    ];
  }
  assertClaimNotOver(identity.claim, state);
  if (state.identities.length >= MAX_IDENTITIES) {
    throw new DomainError('TOO_MANY_IDENTITIES', `a customer has at most ${MAX_IDENTITIES} identities`, {
      pointer: '/value',
    });
  }
  const isFirst = !state.identities.some(({ kind }) => kind === identity.kind);
  const added = { ...identity, primary: identity.primary || isFirst };
  return [{ type: 'CustomerIdentityAdded', data: { kind: added.kind }, personal: { identity: added } }];
}

function removeIdentity({ hash }: Command<'remove-identity'>, state: CustomerState): Decisions {
  const identity = state.identities.find((held) => held.hash === hash);
  if (!identity) throw new DomainError('IDENTITY_NOT_FOUND', 'the customer has no such identity');
  return [{ type: 'CustomerIdentityRemoved', data: { kind: identity.kind }, personal: { identity } }];
}

function changeConsent(
  command: Command<'change-consent'>,
  state: CustomerState,
  { occurredAt }: DecisionContext,
): Decisions {
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

function withFields<T>(
  known: Readonly<Record<string, Latest<T>>>,
  members: Readonly<Record<string, T | undefined>>,
  said: Said,
): Record<string, Latest<T>> {
  let after = { ...known };
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) after = withLatest(after, name, { value, ...said });
  }
  return after;
}
