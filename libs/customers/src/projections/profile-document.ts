/** The profile that is read: the parts of a group's members together. Every member has it under its own id. */
import type { Decimal, Instant, Position } from '@timeline/kernel';
import { daysInOrder, defined, divideDecimals, foldText, subtractDecimals } from '@timeline/kernel';
import { oncePerGroup } from '@timeline/projecting';
import { openMerges, survivorOf } from '../../../merging/src/merging.events.js';
import { npsGroupOf, type NpsGroup, type SurveyKind, type SurveyScale } from '../../../surveys/src/surveys.events.js';
import {
  PREFERENCES,
  type ContactPreferences,
  type CustomerKind,
  type IdentityKind,
  type LifecycleStage,
  type PersonalDetails,
  type PersonName,
  type Traits,
} from '../customers.events.js';
import type { Membership } from '../companies/company-memberships.js';
import { onePrimary } from '../identities/held-identities.js';
import { saidOf, type Candidate } from '../candidates.js';
import {
  combineParts,
  emptyPart,
  inOrder,
  type IdentityOrigin,
  type ProfilePart,
  type Rating,
} from './profile-part.js';
import { searchWords } from './search-text.js';
import { survivingValues, type OtherValue } from './survivorship.js';

/** Who said something, when and how. */
export interface Provenance {
  at: Instant;
  /** The system it came from, or who entered it. */
  source: string;
  importId?: string;
  actor: string;
  /** The command's id. */
  command: string;
  verified?: { by: string; method: string };
  position: Position;
}

export interface Profile extends PersonalDetails {
  customerId: string;
  /** Whom the group goes by; lists show survivors. */
  survivor: string;
  isSurvivor: boolean;
  /** Source customers of the group, itself included; sorted. */
  members: string[];
  kind: CustomerKind;
  /** Nobody in the group is more than an identity. */
  anonymous?: true;
  stage: LifecycleStage;
  language?: string;
  region?: string;
  traits: Traits;
  identities: {
    kind: IdentityKind;
    value: string;
    given: string;
    system?: string;
    primary: boolean;
    provenance?: Omit<Provenance, 'position'>;
  }[];
  /** That a person belongs to, or did until they left; by company. */
  companies?: (Membership & { companyId: string })[];
  /** How many belong to a company. */
  people?: number;
  consents: {
    purpose: string;
    channel?: string;
    status: 'granted' | 'withdrawn';
    textVersion: string;
    proof?: string;
    at: Instant;
  }[];
  /** How the customer wants to be contacted. */
  preferences: ContactPreferences;
  firstSeenAt?: Instant;
  lastContact?: { at: Instant; channel: string };
  interactions: { total: number; byChannel: Record<string, number> };
  /** Cancelled ones are not in it. Recency is `lastAt`, frequency `count`, what they spent `net`. */
  purchases: {
    count: number;
    /** More than one. */
    repeat: boolean;
    firstAt?: Instant;
    lastAt?: Instant;
    /** By ISO 4217 code; exact decimals. `averageOrder`: gross / count, to six decimals, half even. */
    byCurrency: Record<
      string,
      { count: number; gross: Decimal; returned: Decimal; net: Decimal; averageOrder: Decimal }
    >;
  };
  cases: { total: number; open: { caseId: string; openedAt: Instant }[] };
  satisfaction: {
    latest: Partial<Record<SurveyKind, { score: number; scale: SurveyScale; at: Instant; group?: NpsGroup }>>;
    rating?: Rating & { at: Instant };
  };
  /** As of the last posting. */
  points: number;
  /**
   * Where each value came from, by name: of fields and `traits.{name}`. `losing`: what others said, which holds again when
   * what holds is taken back. `candidates`: other values that merged customers have, the best first.
   */
  provenance: Record<string, Provenance & { losing?: (Provenance & { value: unknown })[]; candidates?: OtherValue[] }>;
  /** When we contacted the customer last, the latest first. What permissions look at; not shown. */
  outbound: Instant[];
  /** What lists look at; not shown. */
  search: { name: string; words: string[]; traits: string[] };
}

type Parts = readonly { key: string; part: ProfilePart }[];

/** @param parts of the members of `key`'s group, in any order */
export function profileOf(key: string, parts: Parts): Profile | undefined {
  const whole = profileOfGroup(parts);
  return whole && { customerId: key, isSurvivor: key === whole.survivor, ...whole };
}

const profileOfGroup = oncePerGroup((parts: Parts): Omit<Profile, 'customerId' | 'isSurvivor'> | undefined => {
  const survivor = survivorOf(parts);
  const [first = emptyPart(), ...others] = parts.map(({ part }) => part);
  const whole = others.reduce(combineParts, first);
  const merges = openMerges(parts);
  const { values: fields, losing } = survivingValues<unknown, ProfilePart>(parts, (part) => part.fields, merges);
  // Written by the part's own fold from the events of these types.
  const field = <T>(name: string): T | undefined => (fields[name]?.value ?? undefined) as T | undefined;
  const kind = field<CustomerKind>('kind');
  const stage = field<LifecycleStage>('stage');
  if (!kind || !stage || survivor === undefined) return undefined;
  const name = field<PersonName>('name');
  const { values: traitsSaid } = survivingValues(parts, (part) => part.traits, merges);
  const traits = valuesOf(traitsSaid);
  const identities = onePrimary([...whole.identities].sort(inOrder));
  const provenance: Profile['provenance'] = {};
  const tell = (member: string, held: Candidate): void => {
    if (held.value === null) return;
    const others = saidOf(whole, member).filter(({ position }) => position !== held.position);
    provenance[member] = toldOf(held, others, losing[member]);
  };
  for (const [member, held] of Object.entries(fields)) tell(member, held);
  for (const [trait, held] of Object.entries(traitsSaid)) tell(`traits.${trait}`, held);
  const optional = defined({
    anonymous: whole.known ? undefined : (true as const),
    name,
    birthDate: field<string>('birthDate'),
    address: field<PersonalDetails['address']>('address'),
    note: field<string>('note'),
    language: field<string>('language'),
    region: field<string>('region'),
    firstSeenAt: whole.firstSeenAt,
    lastContact: whole.lastContact && { at: whole.lastContact.at, channel: whole.lastContact.value },
    people: kind === 'company' ? whole.people : undefined,
    companies:
      kind === 'company'
        ? undefined
        : Object.entries(whole.companies)
            .sort(byKey)
            .map(([companyId, { since: _since, ...membership }]) => ({ companyId, ...membership })),
  });
  return {
    survivor,
    members: whole.members,
    kind,
    stage,
    traits,
    identities: identities.map(({ kind, value, given, system, primary, said }) =>
      defined({ kind, value, given, system, primary, provenance: said && provenanceOf(said) }),
    ),
    consents: Object.entries(whole.consents)
      .sort(byKey)
      .flatMap(([, { value, at }]) => (value ? [{ ...value, at }] : [])),
    preferences: defined(
      Object.fromEntries(PREFERENCES.map((each) => [each, field(`preferences.${each}`)])),
    ) satisfies ContactPreferences,
    interactions: {
      total: Object.values(whole.interactions).reduce((sum, count) => sum + count, 0),
      byChannel: whole.interactions,
    },
    purchases: purchasesOf(whole),
    cases: {
      total: whole.cases.total,
      open: Object.entries(whole.cases.open)
        .map(([caseId, openedAt]) => ({ caseId, openedAt }))
        .sort((a, b) => compare(a.openedAt, b.openedAt) || compare(a.caseId, b.caseId)),
    },
    satisfaction: {
      latest: Object.fromEntries(
        Object.entries(whole.scores).map(([survey, { value, at }]) => [
          survey,
          { ...value, at, ...(survey === 'NPS' && { group: npsGroupOf(value.score) }) },
        ]),
      ),
      ...(whole.rating && { rating: { ...whole.rating.value, at: whole.rating.at } }),
    },
    points: whole.points.open.reduce((sum, { points }) => sum + points, 0),
    provenance,
    outbound: whole.outbound ?? [],
    search: {
      name: foldText(name?.full ?? ''),
      // Found by the names that are not shown, too: whoever looks may know the other one. (What this field holds are names.)
      words: searchWords(
        [name, ...(losing['name'] ?? []).map(({ value }) => value as PersonName)]
          .flatMap((known) => [known?.full, known?.given, known?.family])
          .filter((text) => text !== undefined),
      ),
      traits: Object.entries(traits).map(([trait, value]) => traitText(trait, value)),
    },
    // As in `storedOf`: one spread, behind the names.
    ...optional,
  };
});

function purchasesOf({ purchases: { days, byCurrency } }: ProfilePart): Profile['purchases'] {
  const inOrder = daysInOrder(days).map(([, day]) => day);
  const count = inOrder.reduce((sum, day) => sum + day.count, 0);
  const [first, last] = [inOrder[0], inOrder.at(-1)];
  return {
    count,
    repeat: count > 1,
    ...(first && { firstAt: first.first }),
    ...(last && { lastAt: last.last }),
    byCurrency: Object.fromEntries(
      Object.entries(byCurrency)
        .filter(([, turnover]) => turnover.count > 0)
        .map(([currency, { count: orders, gross, returned }]) => [
          currency,
          {
            count: orders,
            gross,
            returned,
            net: subtractDecimals(gross, returned),
            averageOrder: divideDecimals(gross, orders),
          },
        ]),
    ),
  };
}

const toldOf = (
  held: Candidate,
  losing: readonly Candidate[],
  candidates: OtherValue[] = [],
): Profile['provenance'][string] =>
  defined({
    position: held.position,
    losing:
      losing.length > 0
        ? losing.map((each) => ({ position: each.position, value: each.value, ...provenanceOf(each) }))
        : undefined,
    candidates: candidates.length > 0 ? candidates : undefined,
    ...provenanceOf(held),
  });

export const provenanceOf = ({
  at,
  source,
  importId,
  actor,
  commandId,
  verified,
}: IdentityOrigin): Omit<Provenance, 'position'> =>
  defined({ at, source: source ?? actor, importId, actor, command: commandId, verified });

/** How a trait is looked for: `size=5` finds the number and the text. */
export const traitText = (name: string, value: Traits[string]): string => `${name}=${String(value)}`;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => compare(a, b);

const valuesOf = <T>(latest: Readonly<Record<string, { value: T | null }>>): Record<string, T> =>
  Object.fromEntries(Object.entries(latest).flatMap(([name, { value }]) => (value === null ? [] : [[name, value]])));
