/**
 * Any history of merges, undone in any order, with erasures in between: every read model shows what the naive truth says
 * (`testing/merge-histories.ts`), and a merge that was undone leaves nothing behind.
 */
import { createHash } from 'node:crypto';
import { addDays, canonicalJson, DAY_MS, toInstant, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold, type AnyProjection } from '@timeline/projecting';
import fc from 'fast-check';
import { balanceAt } from '../../loyalty/src/projections/customer-loyalty.js';
import type { LoyaltyOfGroup } from '../../loyalty/src/projections/loyalty.projection.js';
import { takenWith } from '../../merging/src/erasure-reach.js';
import type { MergesOfCustomer } from '../../merging/src/projections/groups.projection.js';
import { productSlices } from './index.js';
import { CUSTOMERS, END, Person, tell, telling } from './testing/merge-histories.js';

const RUNS = 10_000;
const projections = new Map(
  productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' })
    .flatMap(({ projections: own = [] }) => own)
    .map((projection) => [projection.name, projection]),
);

function foldOf(name: string, log: readonly Recorded<Fact>[]): PureFold {
  const projection: AnyProjection | undefined = projections.get(name);
  if (!projection) throw new Error(`there is no projection ${name}`);
  const fold = new PureFold(projection);
  for (const event of log) fold.apply(event);
  return fold;
}

// Shapes are what the expectations say; what differs fails them.
type Any = Record<string, unknown>;
const derivedIn = (fold: PureFold, key: string): Any | undefined => {
  const text = fold.derivedText(key);
  return text === undefined ? undefined : (JSON.parse(text) as Any);
};

/** As `expect(actual).toEqual(expected)`, which is slow where it is asked a million times. */
function same(actual: unknown, expected: unknown): void {
  if (canonicalJson(actual ?? null) !== canonicalJson(expected ?? null)) expect(actual).toEqual(expected);
}

const hashOf = (log: readonly Recorded<Fact>[]): string =>
  createHash('sha256').update(JSON.stringify(log)).digest('hex');

const known = (members: object): object =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
const CONTACTS = ['InteractionRecorded', 'PurchaseRecorded', 'FeedbackCaseOpened', 'SurveyAnswered'];

/** What a profile must say. */
function profileOf(person: Person): object {
  const kept = person.purchases();
  const gross = kept.reduce((sum, { data }) => sum + Number(data['total']), 0);
  const returned = person.sum('PurchaseReturned', 'total');
  const contacts = person.of(...CONTACTS).sort((a, b) => (a.metadata.occurredAt < b.metadata.occurredAt ? -1 : 1));
  const last = contacts.at(-1);
  const [lastAnswer] = person
    .of('SurveyAnswered')
    .sort((a, b) => (a.metadata.occurredAt > b.metadata.occurredAt ? -1 : 1));
  const bought = kept.map(({ metadata }) => metadata.occurredAt).sort();
  const resolved = person.of('FeedbackResolved').map(({ data }) => String(data['caseId']));
  const channels = person.of('InteractionRecorded').map(({ data }) => String(data['channel']));
  return known({
    members: person.members,
    survivor: person.survivor,
    ...known({ name: person.field('name'), language: person.field('language'), region: person.field('region') }),
    identities: person
      .of('CustomerIdentityAdded')
      .map(({ personal }) => (personal?.['identity'] as Any | undefined)?.['value']),
    firstSeenAt: person.instants('CustomerRegistered', ...CONTACTS)[0],
    lastContact: last?.metadata.occurredAt,
    interactions: Object.fromEntries(
      [...new Set(channels)].map((channel) => [channel, channels.filter((each) => each === channel).length]),
    ),
    purchases: { count: bought.length, repeat: bought.length > 1, firstAt: bought[0], lastAt: bought.at(-1) },
    turnover:
      bought.length === 0
        ? {}
        : {
            EUR: {
              count: bought.length,
              gross,
              returned,
              net: gross - returned,
              averageOrder: Number((gross / bought.length).toFixed(6)),
            },
          },
    cases: { total: person.count('FeedbackCaseOpened'), open: person.count('FeedbackCaseOpened') - resolved.length },
    nps: lastAnswer?.data['score'],
    points: person.sum('PointsEarned', 'points') - person.sum('PointsSpent', 'points'),
  });
}

/** What it says, in the same words. */
function shown(profile: Any): object {
  const { members, survivor, name, language, region, firstSeenAt, points } = profile;
  const { count, repeat, firstAt, lastAt, byCurrency } = profile['purchases'] as Any;
  const { total, open } = profile['cases'] as { total: number; open: unknown[] };
  const latest = (profile['satisfaction'] as Any)['latest'] as { NPS?: { score: number } };
  return known({
    members,
    survivor,
    name,
    language,
    region,
    identities: (profile['identities'] as { value: string }[]).map(({ value }) => value),
    firstSeenAt,
    lastContact: (profile['lastContact'] as Any | undefined)?.['at'],
    interactions: (profile['interactions'] as Any)['byChannel'],
    purchases: { count, repeat, firstAt, lastAt },
    turnover: Object.fromEntries(
      Object.entries(byCurrency as Record<string, Record<string, string>>).map(([currency, sums]) => [
        currency,
        Object.fromEntries(Object.entries(sums).map(([of, amount]) => [of, Number(amount)])),
      ]),
    ),
    cases: { total, open: open.length },
    nps: latest.NPS?.score,
    points,
  });
}

/** The definitions as they are said. */
function segmentsOf(person: Person, asOf: string): string[] {
  const past = (...types: string[]): string[] => person.instants(...types).filter((at) => at <= asOf);
  const seen = past('CustomerRegistered', ...CONTACTS, 'PurchaseReturned', 'PurchaseCancelled')[0];
  const last = past('InteractionRecorded', 'PurchaseRecorded').at(-1);
  const answers = person.of('SurveyAnswered').filter(({ metadata }) => metadata.occurredAt <= asOf);
  const score = answers.sort((a, b) => (a.metadata.occurredAt < b.metadata.occurredAt ? -1 : 1)).at(-1)?.data['score'];
  const spent = person
    .of('PurchaseRecorded', 'PurchaseReturned', 'PurchaseCancelled')
    .filter(({ metadata: { occurredAt }, data }) => {
      const purchasedAt = String(data['purchasedAt'] ?? occurredAt);
      return occurredAt <= asOf && asOf < addDays(purchasedAt, 365);
    })
    .reduce((sum, { type, data }) => sum + (type === 'PurchaseRecorded' ? 1 : -1) * Number(data['total']), 0);
  return [
    ...(seen !== undefined && asOf < addDays(seen, 30) ? ['new'] : []),
    ...(last !== undefined && asOf < addDays(last, 90) ? ['active'] : []),
    ...(last !== undefined && asOf >= addDays(last, 180) ? ['at-risk'] : []),
    ...(spent >= 5000 ? ['vip'] : []),
    ...(score !== undefined && Number(score) >= 9 ? ['promoter'] : []),
    ...(score !== undefined && Number(score) <= 6 ? ['detractor'] : []),
  ].sort();
}

const inSegments = (membership: Any, asOf: string): string[] =>
  Object.entries(membership['in'] as Record<string, { spans: { from: string; to: string }[] }>)
    .filter(([, { spans }]) => spans.some(({ from, to }) => from <= asOf && asOf < to))
    .map(([id]) => id)
    .sort();

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007);
console.info(`merging: ${RUNS} histories, seed ${seed}`);

it(`every read model of merged customers says what the naive truth says, in ${RUNS} histories`, () => {
  const met = { merged: 0, parted: 0, erased: 0, alone: 0, cancelled: 0 };
  fc.assert(
    fc.property(telling, fc.array(fc.nat(800), { minLength: 3, maxLength: 3 }), (given, days) => {
      const told = tell(given);
      const { log, alive, undone } = told;
      const before = hashOf(log);
      const folds = Object.fromEntries(
        ['profile', 'segments', 'loyalty', 'timeline', 'case-inbox', 'groups', 'purchases'].map((name) => [
          name,
          foldOf(name, log),
        ]),
      ) as Record<string, PureFold>;
      const fold = (name: string): PureFold => folds[name] ?? foldOf(name, log);
      for (const each of Object.values(folds)) for (const { block } of each.documents.values()) same(block, undefined);

      const documentsOf = (name: string, ids: readonly string[]): Any[] =>
        [...fold(name).documents.values()].flatMap(({ content }) =>
          ids.includes(String(content?.['customerId'])) ? [content as Any] : [],
        );
      for (const id of CUSTOMERS) {
        if (!alive.includes(id)) {
          met.erased += 1;
          for (const [name, key] of [
            ['profile', id],
            ['segments', id],
            ['groups', id],
            ['loyalty', `customer/${id}`],
          ] as const)
            same([name, derivedIn(fold(name), key)], [name, undefined]);
          for (const name of ['timeline', 'case-inbox', 'purchases']) same(documentsOf(name, [id]), []);
          continue;
        }
        const person = new Person(id, told);
        met[person.members.length > 1 ? 'merged' : 'alone'] += 1;
        if (person.count('PurchaseCancelled') > 0) met.cancelled += 1;
        const profile = derivedIn(fold('profile'), id);
        same(profile && shown(profile), profileOf(person));
        same(derivedIn(fold('groups'), id) ?? { customerId: id, members: [id] }, {
          customerId: id,
          members: person.members,
        });

        const membership = derivedIn(fold('segments'), id);
        same(membership?.['isSurvivor'], person.survivor === id);
        for (const day of days) {
          const asOf = toInstant(Date.parse('2024-01-01T00:00:00.000Z') + day * DAY_MS - 1);
          same([asOf, membership && inSegments(membership, asOf)], [asOf, segmentsOf(person, asOf)]);
        }

        const loyalty = derivedIn(fold('loyalty'), `customer/${id}`) as unknown as LoyaltyOfGroup;
        same(
          {
            earned: loyalty.earned,
            spent: loyalty.spent,
            balance: balanceAt(loyalty, END),
            purchases: [loyalty.purchases.count, loyalty.purchases.first?.at, loyalty.purchases.second?.at],
            isSurvivor: loyalty.isSurvivor,
          },
          {
            earned: person.sum('PointsEarned', 'points'),
            spent: person.sum('PointsSpent', 'points'),
            balance: person.sum('PointsEarned', 'points') - person.sum('PointsSpent', 'points'),
            purchases: [person.purchases().length, person.hasBoughtSince(1), person.hasBoughtSince(2)],
            isSurvivor: person.survivor === id,
          },
        );

        // Each event once, whichever members it concerns, in the order in which things happened.
        const concerned = log.filter(({ type, metadata }) =>
          type === 'CustomerErased'
            ? false
            : [metadata.customerId, ...(metadata.customerIds ?? [])].some((each) =>
                person.members.includes(each ?? ''),
              ),
        );
        const entries = new Map(documentsOf('timeline', person.members).map((entry) => [String(entry['id']), entry]));
        same(
          [...entries.values()]
            .sort((a, b) => (String(a['at']) < String(b['at']) ? -1 : 1))
            .map((entry) => String(entry['id'])),
          concerned.sort((a, b) => (a.metadata.occurredAt < b.metadata.occurredAt ? -1 : 1)).map((event) => event.id),
        );

        const returned = (purchaseId: unknown): number =>
          500 * person.of('PurchaseReturned').filter(({ data }) => data['purchaseId'] === purchaseId).length;
        const kept = person.purchases().map(({ data }) => data['purchaseId']);
        same(
          documentsOf('purchases', person.members)
            .map((each) => [each['purchaseId'], each['returned'], each['status'] === 'cancelled'].join(' '))
            .sort(),
          person
            .of('PurchaseRecorded')
            .map(({ data: { purchaseId } }) => [purchaseId, returned(purchaseId), !kept.includes(purchaseId)].join(' '))
            .sort(),
        );
        const sums = (category: string): unknown => {
          const ofIt = person.purchases().filter(({ data }) => (data['lines'] as Any[])[0]?.['category'] === category);
          const gross = ofIt.reduce((sum, { data }) => sum + Number(data['total']), 0);
          return [ofIt.length, gross, ofIt.reduce((sum, { data }) => sum + returned(data['purchaseId']), 0)];
        };
        for (const category of ['k0', 'k1', 'k2']) {
          const found = person.members.flatMap((member): Any[] => {
            const content: Any | undefined = fold('purchases').documents.get(`${member}/c/EUR/${category}`)?.content;
            return content ? [content] : [];
          });
          const sum = (name: string): number => found.reduce((all, each) => all + Number(each[name]), 0);
          same([category, [sum('purchases'), sum('gross'), sum('returned')]], [category, sums(category)]);
        }

        const resolved = person.of('FeedbackResolved').map(({ data }) => String(data['caseId']));
        same(
          documentsOf('case-inbox', person.members)
            .map(({ caseId, status }) => `${String(caseId)} ${String(status)}`)
            .sort(),
          person
            .of('FeedbackCaseOpened')
            .map(
              ({ data }) =>
                `${String(data['caseId'])} ${resolved.includes(String(data['caseId'])) ? 'resolved' : 'open'}`,
            )
            .sort(),
        );
      }

      // Those who were erased took whom the log says, and the product would say the same.
      for (const [root, others] of told.taken) {
        // Made by this projection only.
        const histories = [...fold('groups').documents].map(
          ([id, { content }]) => [id, content as unknown as MergesOfCustomer] as const,
        );
        same(takenWith(root, new Map(histories)), others);
      }

      // Merges that were undone have left nothing, but for the entries that tell of them; satisfaction never knew of any.
      const isMergeOf =
        (ids: ReadonlySet<string> | undefined) =>
        (event: Recorded<Fact>): boolean =>
          /^Customers(M|Unm)erged$/.test(event.type) && (ids?.has((event.data as { mergeId: string }).mergeId) ?? true);
      if (undone.size > 0) {
        met.parted += 1;
        const without = log.filter((event) => !isMergeOf(undone)(event));
        for (const name of ['profile', 'segments', 'loyalty']) {
          same([...foldOf(name, without).texts()], [...fold(name).texts()]);
          same([...foldOf(name, without).derivedTexts()], [...fold(name).derivedTexts()]);
        }
      }
      same(hashOf(log), before);
    }),
    { numRuns: RUNS, seed },
  );
  console.info('customers looked at:', met);
  for (const times of Object.values(met)) expect(times).toBeGreaterThan(RUNS / 20);
}, 600_000);

it('satisfaction is what it is without any merge', () => {
  fc.assert(
    fc.property(telling, (given) => {
      const { log } = tell(given);
      const without = log.filter(({ type }) => !/^Customers(M|Unm)erged$/.test(type));
      expect(foldOf('satisfaction', log).texts()).toEqual(foldOf('satisfaction', without).texts());
    }),
    { numRuns: 1_000, seed },
  );
});
