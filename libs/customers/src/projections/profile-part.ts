/**
 * What one source customer adds to a profile. Parts add up: `combine` is associative and commutative and `empty` its
 * neutral element, so that a group of merged customers has the profile that their parts make together, in any order.
 */
import {
  addDecimals,
  mergeDays,
  type ByDay,
  type Decimal,
  type Instant,
  type Position,
  type Recorded,
} from '@timeline/kernel';
import { openPoints, type PointsUntil } from '../../../loyalty/src/loyalty.events.js';
import type { SurveyKind, SurveyScale } from '../../../surveys/src/surveys.events.js';
import type { Grouped } from '../../../merging/src/merging.events.js';
import { candidateOf, together, type Candidate, type Heard } from '../candidates.js';
import type { Membership } from '../companies/company-memberships.js';
import type { Identity } from '../customers.events.js';
import { latestOf, type Latest } from '../latest.js';

export interface Contact extends Latest<string> {
  /** The channel. */
  value: string;
}

export interface Score {
  score: number;
  scale: SurveyScale;
}

export interface Rating {
  score: number;
  scaleMin: number;
  scaleMax: number;
  top: boolean;
}

export interface Turnover {
  /** Purchases. */
  count: number;
  gross: Decimal;
  returned: Decimal;
}

/**
 * The purchases of a UTC day, cancelled ones left out. Of a cancelled one only its instant is known, so with three or more
 * on one day `first` or `last` may still be that of a cancelled one; the day is right.
 */
export interface PurchaseDay {
  count: number;
  first: Instant;
  last: Instant;
}

/** The order of identities: where in the log it was added, and its place among those added there. */
interface Place {
  since: Position;
  place: number;
}
export type HeldIdentity = Identity & Place & { said?: IdentityOrigin };

/** Who said that the customer has it, and who made sure. */
export type IdentityOrigin = Omit<Candidate, 'value' | 'position'>;
type Added<I> = I & Place & { said: IdentityOrigin };
type Saying = Pick<Recorded, 'metadata' | 'position'>;

export function originOf(event: Saying): IdentityOrigin {
  const { value: _value, position: _position, ...origin } = candidateOf(null, event);
  return origin;
}

export const registeredIdentities = <I extends object>(identities: readonly I[], event: Saying): Added<I>[] =>
  identities.map((identity, place) => ({ ...identity, since: event.position, place, said: originOf(event) }));

/** Those that stayed keep their place. */
export function changedIdentities<I extends Pick<Identity, 'hash'>>(
  before: readonly (Pick<Identity, 'hash'> & Place & { said?: IdentityOrigin })[],
  identities: readonly I[],
  event: Saying,
): Added<I>[] {
  const known = new Map(before.map((identity) => [identity.hash, identity]));
  return identities.map((identity) => {
    const { since = event.position, place = 0, said = originOf(event) } = known.get(identity.hash) ?? {};
    return { ...identity, since, place, said };
  });
}

/** `fields` are `kind`, `stage`, `language`, `region`, `preferences.{name}` and the personal details, by name. */
export interface ProfilePart extends Heard, Grouped {
  /** Source customers, sorted. */
  members: string[];
  /** Registered as somebody, or named since; else anonymous. */
  known: boolean;
  identities: HeldIdentity[];
  /** That the person belongs or belonged to; by company. `since`: of the latest change. */
  companies: Record<string, Membership & { since: Position }>;
  /** How many belong to the company. Who they are stands in documents of their own. */
  people: number;
  firstSeenAt?: Instant;
  lastContact?: Contact;
  interactions: Record<string, number>;
  /** When we contacted the customer last, the latest first; absent where never. */
  outbound?: Instant[];
  /** Cancelled ones left out; a currency stays where all of it was cancelled. */
  purchases: { days: ByDay<PurchaseDay>; byCurrency: Record<string, Turnover> };
  /** `open`: when each was opened. */
  cases: { total: number; open: Record<string, Instant> };
  scores: Partial<Record<SurveyKind, Latest<Score>>>;
  rating?: Latest<Rating>;
  /** `at`: of the latest posting. What expired since is still in it. */
  points: { open: PointsUntil[]; at?: Instant };
}

/** As many as a preference can limit. */
export const MAX_OUTBOUND = 30;

export const latestInstants = (a: readonly Instant[] = [], b: readonly Instant[] = []): Instant[] =>
  [...a, ...b].sort().reverse().slice(0, MAX_OUTBOUND);

export const emptyPart = (): ProfilePart => ({
  members: [],
  known: false,
  fields: {},
  traits: {},
  identities: [],
  companies: {},
  people: 0,
  consents: {},
  losing: {},
  interactions: {},
  purchases: { days: {}, byCurrency: {} },
  cases: { total: 0, open: {} },
  scores: {},
  points: { open: [] },
});

export function combineParts(a: ProfilePart, b: ProfilePart): ProfilePart {
  const firstSeenAt = earliest(a.firstSeenAt, b.firstSeenAt);
  const lastContact = latestOf(a.lastContact, b.lastContact);
  const rating = latestOf(a.rating, b.rating);
  return {
    members: union(a.members, b.members),
    known: a.known || b.known,
    ...together(a, b),
    identities: combineIdentities(a.identities, b.identities),
    companies: mergeBy(a.companies, b.companies, strongerMembership),
    people: a.people + b.people,
    ...(firstSeenAt !== undefined && { firstSeenAt }),
    ...(lastContact && { lastContact }),
    interactions: mergeBy(a.interactions, b.interactions, (x, y) => x + y),
    ...((a.outbound ?? b.outbound) && { outbound: latestInstants(a.outbound, b.outbound) }),
    purchases: {
      days: mergeDays(a.purchases.days, b.purchases.days, addPurchaseDays),
      byCurrency: mergeBy(a.purchases.byCurrency, b.purchases.byCurrency, addTurnover),
    },
    cases: {
      total: a.cases.total + b.cases.total,
      // A case is of one source customer.
      open: { ...a.cases.open, ...b.cases.open },
    },
    scores: mergeBy(a.scores, b.scores, later),
    ...(rating && { rating }),
    points: combinePoints(a.points, b.points),
  };
}

export function combinePoints(a: ProfilePart['points'], b: ProfilePart['points']): ProfilePart['points'] {
  const at = latest(a.at, b.at);
  return { open: openPoints([...a.open, ...b.open], at), ...(at !== undefined && { at }) };
}

type HeldMembership = ProfilePart['companies'][string];

/** Who belongs to a company by one record belongs to it; else the later one tells. */
const strongerMembership = (a: HeldMembership, b: HeldMembership): HeldMembership => {
  if (a.left !== b.left) return a.left ? b : a;
  return a.since < b.since ? b : a;
};

const addPurchaseDays = (a: PurchaseDay, b: PurchaseDay): PurchaseDay => ({
  count: a.count + b.count,
  first: earliest(a.first, b.first) ?? a.first,
  last: latest(a.last, b.last) ?? a.last,
});

export const withPurchase = (day: PurchaseDay | undefined, at: Instant): PurchaseDay => {
  const more = { count: 1, first: at, last: at };
  return day ? addPurchaseDays(day, more) : more;
};

/** Without one that was made at `at`. */
export function withoutPurchase(day: PurchaseDay | undefined, at: Instant): PurchaseDay | undefined {
  if (!day || day.count <= 1) return undefined;
  const { first, last } = day;
  if (day.count > 2) return { ...day, count: day.count - 1 };
  const left = at === first ? last : first;
  return { count: 1, first: left, last: left };
}

export const addTurnover = (a: Turnover, b: Turnover): Turnover => ({
  count: a.count + b.count,
  gross: addDecimals(a.gross, b.gross),
  returned: addDecimals(a.returned, b.returned),
});

export const earliest = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;
export const latest = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;

const later = <T extends Latest<unknown>>(a: T, b: T): T => latestOf(a, b) ?? a;

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort();

function mergeBy<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  both: (a: T, b: T) => T,
): Record<string, T> {
  const merged = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const before = merged.get(key);
    merged.set(key, before === undefined ? value : both(before, value));
  }
  return Object.fromEntries(merged);
}

/** In the order they were added. Which one is primary is settled when the profile is made. */
function combineIdentities(a: readonly HeldIdentity[], b: readonly HeldIdentity[]): HeldIdentity[] {
  const byHash = new Map(a.map((identity) => [identity.hash, identity]));
  for (const identity of b) {
    const before = byHash.get(identity.hash);
    if (!before || before.since < identity.since) byHash.set(identity.hash, identity);
  }
  return [...byHash.values()].sort(inOrder);
}

export const inOrder = (a: Place, b: Place): number =>
  a.since === b.since ? a.place - b.place : a.since < b.since ? -1 : 1;
