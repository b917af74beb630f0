/**
 * Random histories of customers who are merged, parted and erased, as the log would hold them, and the truth about them
 * told the slow way: who is whose group by going through all merges in order, and a customer as the sum of what its
 * group's members were told. Nothing of the product's folds is used.
 */
import { toInstant, type Fact, type Instant, type Recorded } from '@timeline/kernel';
import fc from 'fast-check';
import { recorded } from '../../../kernel/src/testing/playing.js';

export const CUSTOMERS = ['c1', 'c2', 'c3', 'c4', 'c5'];
const START = Date.parse('2024-01-01T00:00:00.000Z');
const DAY_MS = 86_400_000;
/** After everything. */
export const END = toInstant(START + 2_000 * DAY_MS);

const who = fc.constantFrom(...CUSTOMERS);
const small = fc.nat(3);
const SOURCES = ['crm', 'shop', 'desk'];
const FIELDS = ['name', 'language', 'region'] as const;

export type Step =
  | { do: 'update'; who: string; field: (typeof FIELDS)[number]; value: number; source: string }
  | { do: 'trait'; who: string; value: number; source: string }
  | {
      do: 'identity' | 'interact' | 'answer' | 'return' | 'cancel' | 'case' | 'resolve' | 'earn' | 'spend';
      who: string;
      n: number;
    }
  | { do: 'purchase'; who: string; n: number }
  | { do: 'merge'; of: string[]; choice: number; rank: boolean }
  | { do: 'unmerge'; n: number }
  | { do: 'erase'; who: string }
  | { do: 'react' };

const plain = fc.constantFrom(
  'identity' as const,
  'interact' as const,
  'answer' as const,
  'purchase' as const,
  'return' as const,
  'cancel' as const,
  'case' as const,
  'resolve' as const,
  'earn' as const,
  'spend' as const,
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: plain, who, n: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      who,
      field: fc.constantFrom(...FIELDS),
      value: small,
      source: fc.constantFrom(...SOURCES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trait' as const), who, value: small, source: fc.constantFrom(...SOURCES) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('merge' as const),
      of: fc.shuffledSubarray(CUSTOMERS, { minLength: 2, maxLength: 3 }),
      choice: fc.nat(5),
      rank: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unmerge' as const), n: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), who }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'react' }) },
);

export interface Telling {
  steps: Step[];
  /** Where in time what is told happened: not in the order in which it is told. */
  salt: number;
  erasures: boolean;
}

export const telling: fc.Arbitrary<Telling> = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 22 }),
  salt: fc.nat(400),
  erasures: fc.boolean(),
});

interface Merge {
  id: string;
  of: string[];
  /** Where in the log. */
  at: number;
  /** Pairs that were free when it was made. */
  pairs: [string, string][];
  choice?: { field: string; from: string };
  rank?: string[];
}

export interface Told {
  log: Recorded<Fact>[];
  /** Those who are there and not erased. */
  alive: string[];
  /** Of merges that are open, in the order of the log. */
  open: Merge[];
  /** By who asked to be erased: whom that takes besides. */
  taken: ReadonlyMap<string, string[]>;
  /** Merges that were undone before anybody was erased. */
  undone: ReadonlySet<string>;
}

/** Carries the steps out, one after the other; what would be refused is left out. */
export function tell({ steps, salt, erasures }: Telling): Told {
  const log: Recorded<Fact>[] = [];
  // Each on a day of its own.
  const instantOf = (index: number): Instant => toInstant(START + ((index * 173 + salt) % 401) * DAY_MS + index * 1000);
  const record = (fact: object, customerId: string, more: { customerIds?: string[]; source?: string } = {}): number => {
    const { customerIds, source } = more;
    const index = log.length;
    const occurredAt = instantOf(index);
    const as = { stream: `s${index}`, position: index + 1, customerId, occurredAt, ...(source && { source }) };
    log.push(recorded<Fact>({ ...fact, ...(customerIds && { customerIds }) } as Fact, as));
    return index;
  };
  const doomed = new Set<string>();
  const erased = new Set<string>();
  const owed: { who: string; because: string }[] = [];
  let open: Merge[] = [];
  const undone = new Set<string>();
  const taken = new Map<string, string[]>();
  const cases = new Map<string, string[]>();
  /** Purchases by event: of which something came back, and which were cancelled. */
  const [touched, cancelled] = [new Set<string>(), new Set<string>()];
  const purchaseOf = (id: string, isMeant: (event: Recorded<Fact>) => boolean): Recorded<Fact> | undefined =>
    log.find((event) => event.type === 'PurchaseRecorded' && event.metadata.customerId === id && isMeant(event));
  const ledgers = new Map<string, { lot: string; left: number }[]>();
  const balanceOf = (id: string): number => (ledgers.get(id) ?? []).reduce((sum, { left }) => sum + left, 0);

  const buy = (id: string, index: number, n: number): void => {
    const total = String(2_000 * (n + 1));
    const lines = [{ lineId: '0', category: `k${index % 3}`, sku: 's', name: 'n', quantity: '100', amount: total }];
    const data = { purchaseId: `p${index}`, channel: 'store', currency: 'EUR', lines, total };
    record({ type: 'PurchaseRecorded', data }, id);
  };

  const react = (): void => {
    for (const { who: member, because } of owed.splice(0)) {
      if (erased.has(member)) continue;
      erased.add(member);
      record({ type: 'CustomerErased', data: { reason: 'asked', erasedWith: because } }, member);
    }
  };

  for (const customerId of CUSTOMERS) {
    const data = { customerId, kind: 'person', stage: 'lead', traits: {}, identityKinds: [] };
    record({ type: 'CustomerRegistered', data, personal: { identities: [] } }, customerId);
  }
  for (const [index, each] of steps.entries()) {
    if ('who' in each && erased.has(each.who)) continue;
    switch (each.do) {
      case 'update': {
        const value = each.value === 0 ? null : `${each.field}${each.value}`;
        const isName = each.field === 'name';
        const name = value === null ? null : { full: value };
        const data = { changed: [each.field], ...(!isName && { [each.field]: value }) };
        const { source } = each;
        record({ type: 'CustomerUpdated', data, ...(isName && { personal: { name } }) }, each.who, { source });
        break;
      }
      case 'trait': {
        const data = { changed: ['traits'], traits: { size: each.value === 0 ? null : `s${each.value}` } };
        record({ type: 'CustomerUpdated', data }, each.who, { source: each.source });
        break;
      }
      case 'identity': {
        const value = `i${index}`;
        const identity = { kind: 'member', value, given: value, primary: false, hash: value, claim: value };
        record({ type: 'CustomerIdentityAdded', data: { kind: 'member' }, personal: { identity } }, each.who);
        break;
      }
      case 'interact':
        record({ type: 'InteractionRecorded', data: { channel: `ch${each.n}`, payloadHash: 'h' } }, each.who);
        break;
      case 'answer': {
        const scale = { min: 0, max: 10, favourableFrom: 9 };
        const data = {
          answerId: `a${index}`,
          surveyId: 's',
          kind: 'NPS',
          scale,
          score: 10 - 2 * each.n,
          channel: 'web',
        };
        record({ type: 'SurveyAnswered', data }, each.who);
        break;
      }
      case 'purchase': {
        buy(each.who, index, each.n);
        break;
      }
      case 'return': {
        const bought = purchaseOf(each.who, ({ id }) => !cancelled.has(id));
        if (!bought) break;
        touched.add(bought.id);
        const purchasedAt = bought.metadata.occurredAt;
        const { purchaseId, lines: ordered } = bought.data as { purchaseId: string; lines: { category: string }[] };
        const lines = [{ lineId: '0', category: ordered[0]?.category, quantity: '1', amount: '500' }];
        const data = { purchaseId, returnId: `r${index}`, purchasedAt, currency: 'EUR', lines, total: '500' };
        record({ type: 'PurchaseReturned', data: { ...data, complete: false } }, each.who);
        break;
      }
      case 'cancel': {
        // Not before it was made, and not one of which something came back; where there is none, of one just made.
        const mayBe = ({ id, metadata }: Recorded<Fact>): boolean =>
          !touched.has(id) && metadata.occurredAt < instantOf(log.length);
        if (!purchaseOf(each.who, mayBe)) buy(each.who, index, each.n);
        const bought = purchaseOf(each.who, mayBe);
        if (!bought) break;
        touched.add(bought.id);
        cancelled.add(bought.id);
        // As it was recorded above.
        const { purchaseId, total, lines } = bought.data as { purchaseId: string; total: string; lines: object[] };
        const data = { purchaseId, purchasedAt: bought.metadata.occurredAt, currency: 'EUR', lines, total };
        record({ type: 'PurchaseCancelled', data }, each.who);
        break;
      }
      case 'case': {
        const caseId = `case${index}`;
        cases.set(each.who, [...(cases.get(each.who) ?? []), caseId]);
        const data = { caseId, kind: 'complaint', channel: 'phone', openedAt: toInstant(START + index * DAY_MS) };
        record({ type: 'FeedbackCaseOpened', data }, each.who);
        break;
      }
      case 'resolve': {
        const [caseId, ...rest] = cases.get(each.who) ?? [];
        if (caseId === undefined) break;
        cases.set(each.who, rest);
        const data = {
          caseId,
          channel: 'phone',
          openedAt: toInstant(START),
          resolution: 'r',
          sinceOpenedMs: 0,
          time: 1,
        };
        record({ type: 'FeedbackResolved', data }, each.who);
        break;
      }
      case 'earn': {
        const points = 10 * (each.n + 1);
        ledgers.set(each.who, [...(ledgers.get(each.who) ?? []), { lot: `l${index}`, left: points }]);
        const data = { lotId: `l${index}`, points, reason: 'r', balance: balanceOf(each.who) };
        record({ type: 'PointsEarned', data }, each.who);
        break;
      }
      case 'spend': {
        const lot = ledgers.get(each.who)?.find(({ left }) => left > 0);
        if (!lot) break;
        lot.left -= 5;
        const lots = [{ lotId: lot.lot, points: 5 }];
        const data = { redemptionId: `r${index}`, points: 5, reason: 'r', lots, balance: balanceOf(each.who) };
        record({ type: 'PointsSpent', data }, each.who);
        break;
      }
      case 'merge': {
        // Whether they are there is asked before; that one was taken by an erasure is not known yet.
        const of = each.of.filter((id) => !erased.has(id));
        const [survivor, ...others] = of;
        if (survivor === undefined || others.length === 0) break;
        const field = FIELDS[each.choice];
        const choice = field === undefined ? undefined : { field, from: of[each.choice % of.length] ?? survivor };
        const rank = each.rank ? SOURCES.slice(0, 2) : undefined;
        const data = {
          mergeId: `m${index}`,
          survivor,
          others,
          ...(choice && { choices: [choice] }),
          ...(rank && { sourceRank: rank }),
        };
        const at = record({ type: 'CustomersMerged', data }, survivor, { customerIds: of });
        const pairs = others
          .map((other): [string, string] => [survivor, other])
          .filter((pair) => pair.every((id) => !doomed.has(id)));
        open.push({ id: `m${index}`, of, at, pairs, ...(choice && { choice }), ...(rank && { rank }) });
        break;
      }
      case 'unmerge': {
        const merge = open[each.n % Math.max(1, open.length)];
        if (!merge || merge.of.some((id) => erased.has(id))) break;
        const [survivor = '', ...others] = merge.of;
        record({ type: 'CustomersUnmerged', data: { mergeId: merge.id, survivor, others } }, survivor, {
          customerIds: merge.of,
        });
        open = open.filter((other) => other !== merge);
        undone.add(merge.id);
        break;
      }
      case 'erase': {
        if (!erasures) break;
        erased.add(each.who);
        record({ type: 'CustomerErased', data: { reason: 'asked' } }, each.who);
        const others = doomed.has(each.who) ? [] : groupOf(each.who, open, doomed).filter((id) => id !== each.who);
        for (const member of others) owed.push({ who: member, because: each.who });
        for (const member of [each.who, ...others]) doomed.add(member);
        taken.set(each.who, others);
        break;
      }
      case 'react':
        react();
        break;
      default:
        each satisfies never;
    }
  }
  react();
  const alive = CUSTOMERS.filter((id) => !erased.has(id));
  return { log, alive, open, taken, undone: doomed.size === 0 ? undone : new Set() };
}

/** By going round until nobody comes in any more. */
export function groupOf(customerId: string, open: readonly Merge[], gone: ReadonlySet<string>): string[] {
  const group = new Set([customerId]);
  for (let size = 0; size !== group.size;) {
    size = group.size;
    for (const pair of open.flatMap(({ pairs }) => pairs)) {
      if (pair.some((id) => gone.has(id))) continue;
      if (pair.some((id) => group.has(id))) for (const id of pair) group.add(id);
    }
  }
  return [...group].sort();
}

type Loose = { data: Record<string, unknown>; personal?: Record<string, unknown> } & Recorded<Fact>;

/** The customer who a group is, from the events of its members in order. */
export class Person {
  readonly members: string[];
  readonly survivor: string;
  readonly events: Loose[];
  readonly #merges: Merge[];

  constructor(customerId: string, { log, alive, open }: Told) {
    const gone = new Set(CUSTOMERS.filter((id) => !alive.includes(id)));
    this.members = groupOf(customerId, open, gone);
    this.#merges = open
      .filter(({ pairs }) => pairs.some((pair) => pair.every((id) => this.members.includes(id))))
      .toReversed();
    this.survivor = this.#merges[0]?.of[0] ?? customerId;
    // Read as loosely as a report would.
    this.events = log.filter((event) => this.members.includes(event.metadata.customerId ?? '')) as unknown as Loose[];
  }

  of(...types: string[]): Loose[] {
    return this.events.filter(({ type }) => types.includes(type));
  }

  /** What is shown of a field: the choice or the rank for what was known at the merge, then whatever was said later. */
  field(name: string): unknown {
    const said = this.members.flatMap((member) => {
      const all = this.of('CustomerRegistered', 'CustomerUpdated')
        .filter(({ metadata }) => metadata.customerId === member)
        .map((event) => ({
          value: (event.personal?.[name] ?? event.data[name]) as unknown,
          isSaid: event.personal?.[name] !== undefined || event.data[name] !== undefined,
          event,
          member,
          at: event.metadata.occurredAt,
          index: Number(event.position.split(':')[1]) - 1,
          source: event.metadata.source ?? '',
        }))
        .filter(({ isSaid }) => isSaid)
        .sort((a, b) => (a.at < b.at ? -1 : 1));
      return all.slice(-1);
    });
    const choosing = this.#merges.find(
      ({ choice }) => choice?.field === name && said.some(({ member }) => member === choice.from),
    );
    const since = choosing?.at ?? this.#merges[0]?.at ?? Infinity;
    const rank = this.#merges[0]?.rank ?? [];
    const place = (source: string): number => (rank.includes(source) ? rank.indexOf(source) : rank.length);
    const known = said
      .filter(({ index, member }) => (choosing ? member === choosing.choice?.from : index < since))
      .sort((a, b) => place(a.source) - place(b.source) || (a.at > b.at ? -1 : 1));
    const later = said.filter(({ index }) => index > since);
    const best = [...known.slice(0, 1), ...later].sort((a, b) => (a.at > b.at ? -1 : 1))[0];
    return best?.value ?? undefined;
  }

  /** Those that were not cancelled. */
  purchases(): Loose[] {
    const cancelled = this.of('PurchaseCancelled').map(({ data }) => data['purchaseId']);
    return this.of('PurchaseRecorded').filter(({ data }) => !cancelled.includes(data['purchaseId']));
  }

  /** Since when there are so many purchases as there are now, going through what was bought and cancelled in time. */
  hasBoughtSince(least: number): Instant | undefined {
    let [count, since]: [number, Instant | undefined] = [0, undefined];
    const inTime = this.of('PurchaseRecorded', 'PurchaseCancelled').sort((a, b) =>
      a.metadata.occurredAt < b.metadata.occurredAt ? -1 : 1,
    );
    for (const { type, metadata } of inTime) {
      count += type === 'PurchaseRecorded' ? 1 : -1;
      since = count < least ? undefined : (since ?? metadata.occurredAt);
    }
    return since;
  }

  count(type: string): number {
    return this.of(type).length;
  }

  sum(type: string, member: string): number {
    return this.of(type).reduce((sum, { data }) => sum + Number(data[member]), 0);
  }

  instants(...types: string[]): Instant[] {
    return this.of(...types)
      .map(({ metadata }) => metadata.occurredAt)
      .sort();
  }
}
