/** What the page says in words and numbers. The page's modules are plain JavaScript, loaded here as browsers load them. */
import { readFileSync } from 'node:fs';
import { TIMELINE_TYPES, type TimelineFact } from '../../../libs/timeline/src/projections/timeline.projection.js';

const PUBLIC = new URL('../public/', import.meta.url);

interface Sentences {
  SENTENCE_TYPES: string[];
  FAMILIES: Record<string, { types: string[] }>;
  sentenceOf(entry: { type: string; data?: object; personal?: object }): { text: string; quote?: string; icon: string };
}
interface Formats {
  decimal(text: string, least?: number): string;
  money(amount: string, currency: string): string;
  roundMoney(amount: string, currency: string): string;
  duration(ms: number | null): string;
  words(name: string): string;
}
interface Live {
  parseFrame(frame: string): { id?: string; event: string; data: unknown } | undefined;
}
// Without declarations of their own: what is used of them is declared above.
const { SENTENCE_TYPES, FAMILIES, sentenceOf } = (await import(new URL('sentences.js', PUBLIC).pathname)) as Sentences;
const { decimal, money, roundMoney, duration, words } = (await import(
  new URL('format.js', PUBLIC).pathname
)) as Formats;
const { parseFrame } = (await import(new URL('live.js', PUBLIC).pathname)) as Live;

type Samples = {
  [Type in TimelineFact['type']]: [data: Extract<TimelineFact, { type: Type }>['data'], sentence: string];
};

const OF_REVIEW = { field: 'phone', since: '2025-07-05T00:00:00.000Z', dueAt: '2026-01-01T00:00:00.000Z' } as const;
const OF_CASE = { caseId: 'c', channel: 'email', openedAt: '2017-05-01T00:00:00.000Z' };
const LINES = [
  { lineId: '1', sku: 'FUR-1', name: 'Bookcase', quantity: '2', amount: '261.96' },
  { lineId: '2', sku: 'FUR-2', name: 'Chairs', quantity: '1', amount: '731.94' },
];

/** Typed by the facts themselves, so that a change of one is noticed here. */
const SAMPLES: Samples = {
  CustomerRegistered: [
    { customerId: 'c', kind: 'person', stage: 'lead', traits: {} },
    'Registered as a person, stage lead',
  ],
  CustomerUpdated: [{ changed: ['region', 'birthDate'] }, 'Profile changed: region, birth date'],
  CustomerIdentityAdded: [{ kind: 'email' }, 'E-mail address added'],
  CustomerJoinedCompany: [
    { personId: 'p', companyId: 'c', role: 'buyer', from: '2017-05-01' },
    'Person joined the company as buyer from 2017-05-01',
  ],
  CustomerLeftCompany: [
    { personId: 'p', companyId: 'c', to: '2018-01-01', reason: 'retired' },
    'Person left the company on 2018-01-01 — retired',
  ],
  CustomerFieldVerified: [{ field: 'birthDate', by: 'ann', method: 'call' }, 'Verified: birth date'],
  CustomerFieldsRetracted: [
    { source: 'crm', fields: ['birthDate', 'region'], now: { region: null } },
    'Taken back, as crm said it: birth date, region',
  ],
  EnrichmentProposed: [
    {
      enrichmentId: 'e',
      provider: 'register',
      confidence: 0.8,
      legalBasis: 'legitimate-interests',
      fields: ['birthDate', 'region'],
    },
    'Register proposes: birth date, region',
  ],
  EnrichmentAccepted: [{ enrichmentId: 'e', fields: ['birthDate'], by: 'person' }, 'Proposal accepted: birth date'],
  EnrichmentRejected: [{ enrichmentId: 'e', fields: ['region'], reason: 'moved' }, 'Proposal rejected: region — moved'],
  FieldReviewDue: [
    { ...OF_REVIEW, everyDays: 180, taskAt: '2026-01-08T00:00:00.000Z', escalateAt: '2026-01-22T00:00:00.000Z' },
    'To be verified: phone',
  ],
  FieldReviewTaskOpened: [OF_REVIEW, 'Task to verify: phone'],
  FieldReviewEscalated: [OF_REVIEW, 'Still not verified: phone'],
  CustomerRegistrationWithdrawn: [{ source: 'crm' }, 'Registration withdrawn'],
  CustomerIdentityRemoved: [{ kind: 'phone' }, 'Phone number removed'],
  CustomerConsentChanged: [
    { purpose: 'newsletter', status: 'withdrawn', channel: 'email', textVersion: '1' },
    'Consent withdrawn: newsletter, by email',
  ],
  CustomerPreferencesChanged: [
    { changed: ['preferences.refused'], preferences: { refused: ['phone'] } },
    'Contact preferences changed: refused',
  ],
  CustomerLifecycleStageChanged: [
    { from: 'lead', to: 'customer', reason: 'first purchase' },
    'Moved from lead to customer — first purchase',
  ],
  InteractionRecorded: [
    {
      interactionId: 'i',
      channel: 'phone',
      direction: 'inbound',
      kind: 'call',
      durationSeconds: 300,
      payloadHash: 'h',
    },
    'Call, inbound, 5 min',
  ],
  PurchaseRecorded: [
    { purchaseId: 'p', channel: 'store', currency: 'USD', lines: LINES, total: '993.9', payloadHash: 'h' },
    'Bought 3 items for 993.90 USD',
  ],
  PurchaseCancelled: [
    {
      purchaseId: 'p',
      purchasedAt: '2017-05-01T00:00:00.000Z',
      currency: 'USD',
      lines: [{ lineId: '1', quantity: '2', amount: '261.96' }],
      total: '261.96',
      reason: 'out of stock',
    },
    'Cancelled a purchase of 2 items for 261.96 USD — out of stock',
  ],
  PurchaseReturned: [
    {
      purchaseId: 'p',
      returnId: 'r',
      purchasedAt: '2017-05-01T00:00:00.000Z',
      currency: 'USD',
      lines: [{ lineId: '2', quantity: '1', amount: '731.94' }],
      total: '731.94',
      complete: false,
      reason: 'damaged',
    },
    'Returned 1 item, 731.94 USD — damaged',
  ],
  FeedbackCaseOpened: [{ ...OF_CASE, kind: 'complaint', payloadHash: 'h' }, 'Complaint opened'],
  FeedbackClassified: [
    { ...OF_CASE, topic: 'delivery', severity: 'high', sentiment: 'negative', urgency: 'normal' },
    'Classified: delivery, high severity, negative',
  ],
  FeedbackAssigned: [{ ...OF_CASE, agent: 'maria', team: 'delivery' }, 'Assigned to maria (delivery)'],
  FeedbackResponded: [
    { ...OF_CASE, first: true, sinceOpenedMs: 5_400_000 },
    'First answer to the customer, 1 hr 30 min after opening',
  ],
  FeedbackResolved: [
    { ...OF_CASE, resolution: 'replaced', sinceOpenedMs: 2 * 86_400_000, time: 1 },
    'Resolved after 2 days — replaced',
  ],
  FeedbackRated: [{ ...OF_CASE, score: 5, scaleMin: 1, scaleMax: 5, top: true }, 'Rated the answer 5 of 5, satisfied'],
  FeedbackReopened: [{ ...OF_CASE, reason: 'broke again' }, 'Opened again — broke again'],
  SurveyAnswered: [
    {
      answerId: 'a',
      surveyId: 's',
      kind: 'NPS',
      scale: { min: 0, max: 10, favourableFrom: 9 },
      score: 9,
      channel: 'email',
      payloadHash: 'h',
    },
    'NPS answer 9 of 10 — promoter',
  ],
  PointsEarned: [
    { lotId: 'l', points: 1200, reason: 'purchase', balance: 3400 },
    'Earned 1,200 points — purchase (balance 3,400)',
  ],
  PointsSpent: [
    { redemptionId: 'r', points: 1, reason: 'voucher', lots: [], balance: 0 },
    'Spent 1 point — voucher (balance 0)',
  ],
  CustomersMerged: [{ mergeId: 'm', survivor: 'a', others: ['b'], reason: 'same' }, 'Merged with 1 customer — same'],
  CustomersUnmerged: [{ mergeId: 'm', survivor: 'a', others: ['b', 'c'] }, 'Merge with 2 customers undone'],
  SegmentEntered: [{ segment: 'at-risk', at: '2026-01-01T00:00:00.000Z' }, 'Entered the segment: At risk'],
  SegmentLeft: [{ segment: 'new', at: '2026-01-31T00:00:00.000Z' }, 'Left the segment: New'],
};

describe('a timeline entry in words', () => {
  it.each(Object.entries(SAMPLES))('of %s, all that is personal being gone', (type, [data, sentence]) => {
    expect(sentenceOf({ type, data }).text).toBe(sentence);
  });

  it('has a sentence, a filter and a picture for every type that a timeline shows, and for no other', () => {
    const icons = readFileSync(new URL('icons.svg', PUBLIC), 'utf8');
    const filtered = Object.values(FAMILIES).flatMap(({ types }) => types);
    expect([...SENTENCE_TYPES].sort()).toEqual([...TIMELINE_TYPES].sort());
    expect(filtered.sort()).toEqual([...TIMELINE_TYPES].sort());
    for (const [type, [data]] of Object.entries(SAMPLES)) {
      expect(icons).toContain(`id="${sentenceOf({ type, data }).icon}"`);
    }
  });

  it('tells what was said, where it is still there', () => {
    const [data] = SAMPLES.InteractionRecorded;
    const personal = { subject: 'Delivery question', body: 'Where is it?' };
    expect(sentenceOf({ type: 'InteractionRecorded', data, personal })).toMatchObject({
      text: 'Call, inbound, 5 min — Delivery question',
      quote: 'Where is it?',
    });
  });

  it('counts lines, not pieces, of what is sold by weight', () => {
    const data = { lines: [{ quantity: '0.35' }, { quantity: '2' }], total: '9', currency: 'EUR' };
    expect(sentenceOf({ type: 'PurchaseRecorded', data }).text).toBe('Bought 2 items for 9.00 EUR');
  });

  it('names a type that the page does not know', () => {
    expect(sentenceOf({ type: 'SomethingNewHappened' }).text).toBe('Something new happened');
    expect(words('at-risk')).toBe('At risk');
  });
});

describe('an amount', () => {
  it('keeps every digit it came with', () => {
    expect(decimal('9007199254740993.123456789')).toBe('9,007,199,254,740,993.123456789');
    expect(money('22.3680', 'USD')).toBe('22.368 USD');
    expect(money('5', 'USD')).toBe('5.00 USD');
    expect(money('5', 'JPY')).toBe('5 JPY');
  });

  it('is rounded as a decimal, not as a floating-point number, where it is rounded', () => {
    expect(roundMoney('1.005', 'USD')).toBe('1.01 USD');
    expect(roundMoney('9007199254740993.499', 'USD')).toBe('9,007,199,254,740,993.50 USD');
  });
});

describe('a duration', () => {
  it('is told in its two largest units', () => {
    expect(duration(45_000)).toBe('45 sec');
    expect(duration(3 * 86_400_000 + 4 * 3_600_000 + 5 * 60_000)).toBe('3 days 4 hr');
    expect(duration(86_400_000 + 60_000)).toBe('1 day');
    expect(duration(0)).toBe('0 sec');
    expect(duration(null)).toBe('–');
  });
});

describe('a frame of an event stream', () => {
  it('is read with its id, name and data', () => {
    expect(parseFrame('id: p-1\nevent: entry\ndata: {"a":"b: c"}')).toEqual({
      id: 'p-1',
      event: 'entry',
      data: { a: 'b: c' },
    });
  });

  it('of comments only is none', () => {
    expect(parseFrame(': still here')).toBeUndefined();
  });
});
