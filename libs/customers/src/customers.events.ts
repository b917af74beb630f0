/** The facts about customers (`customer-{id}`) and about who owns an identity (`identity-{keyed hash}`). */
import type { Fact, Recorded } from '@timeline/kernel';

export type CustomerKind = 'person' | 'company';

export const LIFECYCLE_STAGES = ['lead', 'prospect', 'customer', 'loyal', 'dormant', 'lost'] as const;
export type LifecycleStage = (typeof LIFECYCLE_STAGES)[number];

export const IDENTITY_KINDS = ['email', 'phone', 'wechat', 'weibo', 'member', 'external', 'device'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

export interface Identity {
  kind: IdentityKind;
  /** As compared: normalised. */
  value: string;
  /** As it was given. */
  given: string;
  /** The system that gave it, for `external`. */
  system?: string;
  primary: boolean;
  /** Keyed hash of the normalised value: names the identity's stream. */
  hash: string;
  /** The `IdentityClaimed` event that this ownership rests on. */
  claim: string;
  /** The same under newer normal forms, while those are brought in: see `NORMALISATIONS`. */
  also?: { hash: string; claim: string }[];
}

export interface PersonName {
  /** As given, in any script. */
  full: string;
  given?: string;
  family?: string;
}

export interface PostalAddress {
  lines?: string[];
  city?: string;
  state?: string;
  postalCode?: string;
  /** ISO 3166-1 alpha-2. */
  country?: string;
}

/** What identifies the person. Sealed with the customer's key. */
export interface PersonalDetails {
  name?: PersonName;
  /** `YYYY-MM-DD`. */
  birthDate?: string;
  address?: PostalAddress;
  note?: string;
}

/** Coarse, not personal: what segments and breakdowns may look at. */
export type Traits = Record<string, string | number | boolean>;

export interface Consent {
  purpose: string;
  channel?: string;
  status: 'granted' | 'withdrawn';
  /** Version of the text that was shown. */
  textVersion: string;
  /** Reference to the proof, e.g. a form or call id. */
  proof?: string;
}

/** How a customer wants to be contacted. What is absent was never said. */
export interface ContactPreferences {
  /** Those wanted, the best first. */
  channels?: string[];
  /** Never by these, whatever was consented to. */
  refused?: string[];
  hours?: ContactHours;
  frequency?: ContactFrequency;
  /** Of what is written or said to the customer, where it is another than the customer's own. */
  language?: string;
}
export const PREFERENCES = [
  'channels',
  'refused',
  'hours',
  'frequency',
  'language',
] as const satisfies readonly (keyof ContactPreferences)[];

export interface ContactHours {
  /** IANA name. */
  timeZone: string;
  /** In any of them. One whose `to` is not after its `from` ends on the day after. */
  windows: ContactWindow[];
}

export interface ContactWindow {
  /** On which it begins, 1 (Monday) to 7; all where absent. */
  days?: number[];
  /** `HH:MM`, included. */
  from: string;
  /** `HH:MM`, up to `24:00`; not included. */
  to: string;
}

/** At most so many contacts in any stretch of so many days. */
export interface ContactFrequency {
  atMost: number;
  days: number;
}

export const VERIFICATION_METHODS = ['call', 'code', 'letter', 'document', 'in-person', 'other'] as const;
export type VerificationMethod = (typeof VERIFICATION_METHODS)[number];

/** The versions of the standards that accepted what an event says; absent where it was held to none. */
export interface AcceptedUnder {
  /** A list: names of fields hold dots, which no key of a stored map may. */
  standards?: { field: string; version: number }[];
}

/** On which somebody may tell and keep what is personal (GDPR, article 6). */
export const LEGAL_BASES = [
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
] as const;
export type LegalBasis = (typeof LEGAL_BASES)[number];

/** What a provider says of a customer. */
export interface EnrichedValues extends Omit<PersonalDetails, 'note'> {
  language?: string;
  region?: string;
  traits?: Traits;
}

/** What was done about an erasure and how far it reaches; nothing of the person. */
export interface ErasureCertificate {
  /** Of the `CustomerErased`. */
  position: string;
  erasedAt: string;
  /** When the claims were released and the keys destroyed. */
  carriedOutAt: string;
  claimsReleased: number;
  /** Who was merged with the customer and erased for it; each was certified before. */
  members?: string[];
  /** Every copy of every read model there was, and how far each had come: to `position` or past it. */
  builds: { projection: string; build: string; position: string }[];
  /** What the files of the read store still held of the person. */
  readStoreFiles: 'overwritten' | 'left-to-server';
  /** How long after `carriedOutAt` it waited at least, for keys that processes had in memory. */
  waitedForKeysMs: number;
  /** What they hold goes only with them; `expireAt` counts from the certificate on. */
  backups: 'not-stated' | { retentionDays: number; expireAt: string };
}

export type CustomerEvent =
  | Fact<
      'CustomerRegistered',
      {
        customerId: string;
        kind: CustomerKind;
        stage: LifecycleStage;
        language?: string;
        region?: string;
        traits: Traits;
        /** One for each identity: what is left to know of them once `personal` is gone. */
        identityKinds?: IdentityKind[];
        /** Opened for what came from an identity that nobody had. */
        anonymous?: true;
      } & AcceptedUnder,
      PersonalDetails & { identities: Identity[] }
    >
  /** `null` removes a field. `changed` names the fields, for the timeline. */
  | Fact<
      'CustomerUpdated',
      {
        changed: string[];
        language?: string | null;
        region?: string | null;
        traits?: Record<string, string | number | boolean | null>;
      } & AcceptedUnder,
      { [Field in keyof PersonalDetails]?: PersonalDetails[Field] | null }
    >
  /** `held`: it was there already and became the primary one of its kind, or is claimed under a newer normal form too. */
  | Fact<'CustomerIdentityAdded', { kind: IdentityKind; held?: true } & AcceptedUnder, { identity: Identity }>
  /** `retracted`: because who said it took it back; whoever says it again may add it again. */
  | Fact<'CustomerIdentityRemoved', { kind: IdentityKind; retracted?: true } & AcceptedUnder, { identity: Identity }>
  | Fact<'CustomerConsentChanged', Consent>
  /** `null` removes. `changed` names them as fields: `preferences.{name}`. */
  | Fact<
      'CustomerPreferencesChanged',
      { changed: string[]; preferences: { [Name in keyof ContactPreferences]?: ContactPreferences[Name] | null } }
    >
  | Fact<'CustomerLifecycleStageChanged', { from: LifecycleStage; to: LifecycleStage; reason?: string } & AcceptedUnder>
  /** `held`: was in it already, only role or day is another. Days are `YYYY-MM-DD`, where they are known. */
  | Fact<'CustomerJoinedCompany', { personId: string; companyId: string; role?: string; from?: string; held?: true }>
  /** `forgotten`: the person is erased, so that nothing of the membership is told any more, left before or not. */
  | Fact<
      'CustomerLeftCompany',
      { personId: string; companyId: string; to?: string; reason?: string; forgotten?: 'left' | 'left-before' }
    >
  /**
   * Somebody made sure of a value. `field`: a name as in `changed` of an update, or a kind of identity (then `hash` says
   * which). While it stands, only what is verified or entered by hand takes its place.
   */
  | Fact<
      'CustomerFieldVerified',
      { field: string; by: string; method: VerificationMethod },
      { value: unknown; hash?: string }
    >
  /**
   * What a source, or one import, said of these fields is taken back; the best of the rest holds again. `now`: what that
   * makes of the coarse ones, for those who cannot look; `null`: nothing is left.
   */
  | Fact<
      'CustomerFieldsRetracted',
      {
        source?: string;
        importId?: string;
        fields: string[];
        now: {
          stage?: LifecycleStage;
          language?: string | null;
          region?: string | null;
          traits?: Record<string, Traits[string] | null>;
        };
      }
    >
  /** What a provider says. Nothing of it holds until it is accepted; `fields` as in `changed` of an update. */
  | Fact<
      'EnrichmentProposed',
      { enrichmentId: string; provider: string; confidence: number; legalBasis: LegalBasis; fields: string[] },
      { values: EnrichedValues }
    >
  /** Together with the update that it makes, where it says anything new. */
  | Fact<'EnrichmentAccepted', { enrichmentId: string; fields: string[]; by: 'rule' | 'person' }>
  | Fact<'EnrichmentRejected', { enrichmentId: string; fields: string[]; reason?: string }>
  /** Nobody else had to do with the customer: there is none until somebody registers it again. */
  | Fact<'CustomerRegistrationWithdrawn', { source?: string; importId?: string }>
  /**
   * Final. Its owner's documents go, its claims are released, its keys destroyed. `erasedWith`: whose erasure took this
   * customer too, who was merged with the other then; absent where this one's own was asked for.
   */
  | Fact<'CustomerErased', { reason: string; erasedWith?: string }>
  /** Claims released and keys destroyed. */
  | Fact<'CustomerErasureCarriedOut', { claimsReleased: number }>
  /** Nothing that a process or a read store can show holds anything of the person any more. */
  | Fact<'CustomerErasureCertified', ErasureCertificate>
  /** In the *owner's* stream before the claim is released, so that an owner who wakes up late meets a conflict. */
  | Fact<'IdentityClaimLapsed', { claim: string }>;

/** Whom they concern stands in `personal` only, sealed with a key of its own per claim. */
export type IdentityEvent =
  | Fact<
      'IdentityClaimed',
      { hash: string; kind: IdentityKind; attempt: number; claimedAt: string },
      {
        customerId: string;
        /** When the command that claims says it happened, where it does: a lapse must not be dated later than that. */
        occurredAt?: string;
      }
    >
  /** Names the claim that it ends. `personal` is absent where the owner's keys are destroyed already. */
  | Fact<
      'IdentityReleased',
      { hash: string; claim: string; reason: 'removed' | 'lapsed' | 'erased' | 'refused' },
      { customerId: string }
    >;

/** The import behind an event. Imports are the only ones that give many commands of one source one correlation. */
export const importOf = ({
  metadata: { source, correlationId, commandId },
}: Pick<Recorded, 'metadata'>): string | undefined =>
  source !== undefined && correlationId !== commandId ? correlationId : undefined;
