/**
 * The main job on the built product, end to end over HTTP: what a service app writes it reads back at once, every
 * figure worked out by hand; live streams and pages lose and repeat nothing; an erased person is gone from every answer
 * and every store; and the read models come out the same when they are made anew.
 */
import { RunningProduct } from '../support/running-product.js';
import { openStores } from '../support/stores.js';
import { Api, SseClient, type Json, type LoggedEvent, type Outcome, type Page } from './api.js';
import { ANN, doMainJob, type MainJob } from './main-job.js';

let product: RunningProduct;
let api: Api;
let job: MainJob;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' }, openStores);
  await product.start();
  api = new Api(product.url);
  job = await doMainJob(api);
});
afterAll(() => product.dispose());

const interaction = (customerId: string, more: Json = {}): Promise<Outcome> =>
  api.post('/v1/interactions', {
    customer: { customerId },
    channel: 'chat',
    direction: 'inbound',
    kind: 'chat',
    ...more,
  });

describe('commands', () => {
  it('answers a registration with 201, Location, ETag and Timeline-Position', () => {
    const { status, headers, body } = job.registered;
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/customers/${job.customerId}`);
    expect(headers.get('etag')).toBe('"0"');
    expect(headers.get('timeline-position')).toBe(body.position);
    expect(body).toEqual({ id: job.customerId, revision: 0, position: expect.stringMatching(/^[0-9a-f]{12}:[\d.]+$/) });
  });

  it('answers an update under If-Match with the next revision', () => {
    const { status, headers, body } = job.updated;
    expect({ status, etag: headers.get('etag'), revision: body.revision }).toEqual({
      status: 200,
      etag: '"1"',
      revision: 1,
    });
    expect(headers.get('timeline-position')).toBe(body.position);
  });

  it('defines a survey with 201 and answers the same definition 200 without writing', () => {
    expect([job.defined.status, job.definedAgain.status]).toEqual([201, 200]);
    expect(job.defined.headers.get('location')).toBe('/v1/surveys/main-nps');
    expect(job.definedAgain.body).toEqual(job.defined.body);
  });

  it('answers a survey answer with where it can be read', async () => {
    const location = job.answered.headers.get('location') ?? '';
    expect(await api.read(location, job.position)).toEqual({
      answerId: job.answered.body.id,
      surveyId: 'main-nps',
      customerId: job.customerId,
      kind: 'NPS',
      scale: { min: 0, max: 10, favourableFrom: 9 },
      score: 9,
      channel: 'email',
      comment: 'much better now',
      caseId: job.caseId,
      agent: 'Max',
      region: 'East',
      answeredAt: '2024-03-25T11:00:00.000Z',
    });
  });
});

describe('what the commands made', () => {
  it('is one profile', async () => {
    const { provenance, ...profile } = await api.read(`/v1/customers/${job.customerId}`, job.position);
    expect(profile).toEqual({
      customerId: job.customerId,
      survivor: job.customerId,
      members: [job.customerId],
      kind: 'person',
      stage: 'customer',
      name: { full: ANN.name, given: 'Annelie', family: 'Quastenberg' },
      birthDate: '1988-02-29',
      address: { lines: ['Lindenstraße 5'], city: 'Leipzig', postalCode: '04109', country: 'DE' },
      language: 'de',
      region: 'East',
      traits: { plan: 'platinum', seats: 3 },
      identities: [
        {
          kind: 'email',
          value: ANN.email,
          given: 'Annelie.Quastenberg@Example.org',
          primary: true,
          provenance: expect.objectContaining({ source: 'agent-7', at: '2024-03-01T09:00:00.000Z' }),
        },
        {
          kind: 'wechat',
          value: ANN.wechat,
          given: ANN.wechat,
          primary: true,
          provenance: expect.objectContaining({ source: 'local', at: '2024-03-03T09:00:00.000Z' }),
        },
      ],
      consents: [
        {
          purpose: 'newsletter',
          status: 'granted',
          channel: 'email',
          textVersion: '2024-01',
          proof: 'form-17',
          at: '2024-03-05T09:00:00.000Z',
        },
      ],
      preferences: {},
      firstSeenAt: '2024-03-01T09:00:00.000Z',
      lastContact: { at: '2024-03-27T09:00:00.000Z', channel: 'email' },
      interactions: { total: 2, byChannel: { phone: 1, web: 1 } },
      companies: [],
      purchases: {
        count: 2,
        repeat: true,
        firstAt: '2024-03-10T12:00:00.000Z',
        lastAt: '2024-03-15T12:00:00.000Z',
        byCurrency: {
          // 3 · 19.99 − 0.97 + 12.3456; a third of 59 back.
          EUR: { count: 1, gross: '71.3456', returned: '19.6667', net: '51.6789', averageOrder: '71.3456' },
          USD: { count: 1, gross: '5000', returned: '0', net: '5000', averageOrder: '5000' },
        },
      },
      cases: { total: 1, open: [] },
      satisfaction: {
        latest: {
          NPS: {
            score: 9,
            scale: { min: 0, max: 10, favourableFrom: 9 },
            at: '2024-03-25T11:00:00.000Z',
            group: 'promoter',
          },
          CSAT: { score: 3, scale: { min: 1, max: 5, favourableFrom: 4 }, at: '2024-03-26T10:00:00.000Z' },
          CES: { score: 5, scale: { min: 1, max: 5, favourableFrom: 4 }, at: '2024-03-27T09:00:00.000Z' },
        },
        rating: { score: 5, scaleMin: 1, scaleMax: 5, top: true, at: '2024-03-20T15:00:00.000Z' },
      },
      points: 30,
    });
    expect(provenance).toMatchObject({
      name: { at: '2024-03-02T09:00:00.000Z', source: 'local' },
      birthDate: { at: '2024-03-01T09:00:00.000Z', source: 'agent-7' },
    });
  });

  it('is one timeline, in the order in which it happened, with what was said', async () => {
    const entries = await api.all<Json & { type: string; at: string; data: Json; personal?: Json }>(
      `/v1/customers/${job.customerId}/timeline?order=oldest&limit=7`,
      job.position,
    );
    expect(entries.map(({ type, at }) => `${at.slice(5, 16)} ${type}`)).toEqual([
      '03-01T09:00 CustomerRegistered',
      '03-02T09:00 CustomerUpdated',
      '03-03T09:00 CustomerIdentityAdded',
      '03-04T09:00 CustomerIdentityRemoved',
      '03-05T09:00 CustomerConsentChanged',
      '03-06T09:00 CustomerLifecycleStageChanged',
      '03-07T10:00 InteractionRecorded',
      '03-08T10:00 InteractionRecorded',
      '03-10T12:00 PurchaseRecorded',
      '03-12T12:00 PurchaseReturned',
      '03-15T12:00 PurchaseRecorded',
      '03-20T08:00 FeedbackCaseOpened',
      '03-20T08:05 FeedbackClassified',
      '03-20T08:10 FeedbackAssigned',
      '03-20T08:30 FeedbackResponded',
      '03-20T10:00 FeedbackResolved',
      '03-20T11:00 FeedbackRated',
      '03-20T12:00 FeedbackReopened',
      '03-20T12:30 FeedbackResponded',
      '03-20T14:00 FeedbackResolved',
      '03-20T15:00 FeedbackRated',
      '03-25T08:00 SurveyAnswered',
      '03-25T09:00 SurveyAnswered',
      '03-25T10:00 SurveyAnswered',
      '03-25T11:00 SurveyAnswered',
      '03-26T08:00 SurveyAnswered',
      '03-26T09:00 SurveyAnswered',
      '03-26T10:00 SurveyAnswered',
      '03-27T08:00 SurveyAnswered',
      '03-27T09:00 SurveyAnswered',
      '04-01T08:00 PointsEarned',
      '04-01T09:00 PointsEarned',
      '04-02T08:00 PointsSpent',
    ]);
    expect(entries[0]?.personal).toMatchObject({ name: { full: 'Annelie Quast' }, note: 'prefers the afternoon' });
    expect(entries[6]).toMatchObject({
      channel: 'phone',
      source: 'telephony',
      data: { kind: 'call', agent: 'Kim', durationSeconds: 240 },
      personal: { subject: 'Where is my order?', body: 'Asked about delivery.' },
    });
    expect(entries[9]?.data).toMatchObject({
      lines: [{ lineId: 'chairs', quantity: '1', amount: '19.6667' }],
      total: '19.6667',
      complete: false,
    });
    // The assigned agent stands for whoever the command does not name; half an hour, two hours, six hours.
    expect(entries[14]?.data).toMatchObject({ first: true, sinceOpenedMs: 1_800_000, agent: 'Lee' });
    expect(entries[15]?.data).toMatchObject({ time: 1, sinceOpenedMs: 7_200_000 });
    expect(entries[18]?.data).toMatchObject({ first: false, agent: 'Max' });
    expect(entries[19]?.data).toMatchObject({ time: 2, sinceOpenedMs: 21_600_000 });
    // 100 expire first; 20 of the other 50; 30 left.
    expect(entries[32]?.data).toMatchObject({ lots: [{ points: 100 }, { points: 20 }], balance: 30 });
    // Newest first is the same the other way round.
    const newest = await api.all<Json>(`/v1/customers/${job.customerId}/timeline?limit=10`, job.position);
    expect(newest).toEqual(entries.toReversed());
  });

  it('is a case with all that became of it', async () => {
    expect(await api.read(`/v1/feedback/${job.caseId}`, job.position)).toEqual({
      caseId: job.caseId,
      customerId: job.customerId,
      revision: 9,
      status: 'resolved',
      kind: 'complaint',
      channel: 'email',
      purchaseId: job.purchaseId,
      subject: 'A leg is loose',
      body: 'The second chair wobbles.',
      topic: 'quality',
      severity: 'high',
      sentiment: 'negative',
      urgency: 'normal',
      agent: 'Lee',
      team: 'furniture',
      openedAt: '2024-03-20T08:00:00.000Z',
      firstRespondedAt: '2024-03-20T08:30:00.000Z',
      responses: 2,
      resolution: 'replaced',
      resolvedAt: '2024-03-20T14:00:00.000Z',
      reopenedTimes: 1,
      rating: { score: 5, scaleMin: 1, scaleMax: 5, top: true, ratedAt: '2024-03-20T15:00:00.000Z' },
      lastChangedAt: '2024-03-20T15:00:00.000Z',
    });
  });

  /** The figures of a metric over March and April 2024. */
  const pointsOf = async (metric: string, more = ''): Promise<Json[]> =>
    (
      await api.read<{ points: Json[] }>(`/v1/metrics/${metric}?from=2024-03-01&to=2024-04-30${more}`, job.position)
    ).points.map(({ from: _from, to: _to, ...point }) => point);

  it('is satisfaction: the figures of the surveys and the case', async () => {
    // 10 and 9 promote, 7 is passive, 3 detracts: (2 − 1) / 4. Variance of one answer 0.75 − 0.25² = 0.6875.
    expect(await pointsOf('nps')).toEqual([
      {
        n: 4,
        value: 25,
        numerator: 1,
        denominator: 4,
        parts: { promoters: 2, passives: 1, detractors: 1 },
        confidence: { low: expect.closeTo(25 - 196 * Math.sqrt(0.6875 / 4), 1), high: 100 },
      },
    ]);
    expect(await pointsOf('nps', '&by=channel')).toMatchObject([
      { group: 'email', n: 2, value: 100 },
      { group: 'web', n: 2, value: -50 },
    ]);
    // Answers 5 and 4 of 5, 4, 3; ratings 5 of 3, 5.
    expect(await pointsOf('csat')).toMatchObject([{ n: 5, numerator: 3, denominator: 5, value: 60 }]);
    expect(await pointsOf('csat', '&by=origin')).toMatchObject([
      { group: 'case', n: 2, value: 50 },
      { group: 'survey', n: 3, value: expect.closeTo(200 / 3, 9) },
    ]);
    // 4 and 5 on 1 to 5 are 5.5 and 7 on 1 to 7.
    expect(await pointsOf('ces')).toMatchObject([{ n: 2, value: 6.25, parts: { agreeing: 2 } }]);
    expect(await pointsOf('ces-agreement')).toMatchObject([{ n: 2, value: 100 }]);
    expect(await pointsOf('first-response-time')).toMatchObject([{ n: 1, value: 1_800_000 }]);
    const [resolution] = await pointsOf('resolution-time');
    expect(resolution).toMatchObject({ n: 1, value: 7_200_000 });
    // The sketch answers percentiles within one percent.
    const { p50 } = resolution?.['percentiles'] as { p50: number };
    expect(Math.abs(p50 / 7_200_000 - 1)).toBeLessThanOrEqual(0.01);
  });

  it('is satisfaction as of an instant too', async () => {
    // Of the four NPS answers two had been given, 10 and 7; the case had its first rating, 3.
    expect(await pointsOf('nps', '&asOf=2024-03-25T09:30:00Z')).toMatchObject([{ n: 2, value: 50 }]);
    expect(await pointsOf('csat', '&asOf=2024-03-20T14:59:59Z')).toMatchObject([{ n: 1, value: 0 }]);
  });

  it('is loyalty: points in lots, and who came back to buy', async () => {
    expect(await api.read(`/v1/loyalty/${job.customerId}?asOf=2024-04-02T08:00:00Z`, job.position)).toEqual({
      customerId: job.customerId,
      members: [job.customerId],
      asOf: '2024-04-02T08:00:00.000Z',
      balance: 30,
      lots: [{ points: 30 }],
      earned: 150,
      spent: 120,
      purchases: { count: 2, firstAt: '2024-03-10T12:00:00.000Z', secondAt: '2024-03-15T12:00:00.000Z' },
    });
    expect(await pointsOf('points-issued', '&interval=month')).toMatchObject([{ value: 0 }, { n: 2, value: 150 }]);
    expect(await pointsOf('points-redeemed', '&interval=month')).toMatchObject([{ value: 0 }, { n: 1, value: 120 }]);
    // Nobody else bought anything by the end of April 2024.
    expect(await pointsOf('repeat-purchase-rate')).toMatchObject([{ value: 100, numerator: 1, denominator: 1 }]);
  });

  it('is membership in segments, from the instant it begins to the instant it ends', async () => {
    const spanAt = async (segment: string, asOf: string): Promise<Json | undefined> =>
      (await api.all<Json>(`/v1/segments/${segment}/members?asOf=${asOf}`, job.position)).find(
        ({ customerId }) => customerId === job.customerId,
      );
    const customerId = job.customerId;
    const inMarch = '2024-03-26T12:00:00Z';
    // 30 days from 1 March, 9:00; 90 and 180 days from the last purchase, 15 March, 12:00; 365 days of 5,000 USD.
    expect(await spanAt('new', inMarch)).toEqual({
      customerId,
      since: '2024-03-01T09:00:00.000Z',
      until: '2024-03-31T09:00:00.000Z',
    });
    expect(await spanAt('active', inMarch)).toEqual({
      customerId,
      since: '2024-03-07T10:00:00.000Z',
      until: '2024-06-13T12:00:00.000Z',
    });
    expect(await spanAt('at-risk', inMarch)).toBeUndefined();
    expect(await spanAt('at-risk', '2024-09-11T11:59:59Z')).toBeUndefined();
    expect(await spanAt('at-risk', '2024-09-11T12:00:00Z')).toEqual({ customerId, since: '2024-09-11T12:00:00.000Z' });
    expect(await spanAt('vip', inMarch)).toEqual({
      customerId,
      since: '2024-03-15T12:00:00.000Z',
      until: '2025-03-15T12:00:00.000Z',
    });
    // 10, then 7, then 3, then 9, all on one day, of which the last answer counts.
    expect(await spanAt('promoter', inMarch)).toEqual({ customerId, since: '2024-03-25T11:00:00.000Z' });
    expect(await spanAt('detractor', inMarch)).toBeUndefined();
    const counts = await api.read<Page>(`/v1/segments?asOf=${inMarch}`, job.position);
    expect(Object.fromEntries(counts.items.map(({ id, count }) => [id, count]))).toEqual({
      new: 1,
      active: 1,
      'at-risk': 0,
      vip: 1,
      promoter: 1,
      detractor: 0,
    });
  });

  it('is found by the beginnings of names, by identity, and by trait', async () => {
    const found = async (query: string): Promise<unknown[]> =>
      (await api.read<Page>(`/v1/customers?${query}`, job.position)).items.map(({ customerId }) => customerId);
    expect(await found('q=quast%20ann')).toEqual([job.customerId]);
    expect(await found('q=quast%20bob')).toEqual([]);
    expect(await found(`identity=email:${ANN.email.toUpperCase()}`)).toEqual([job.customerId]);
    // Removed, so nobody's.
    expect(await found(`identity=phone:${encodeURIComponent(ANN.phone)}`)).toEqual([]);
    expect(await found('trait.plan=platinum&stage=customer&region=East')).toEqual([job.customerId]);
    expect(await found('trait.plan=gold')).toEqual([]);
  });
});

describe('reading with Timeline-Position', () => {
  it('sees the command at once, whatever is read', async () => {
    const { id: customerId } = await api.register({ occurredAt: '2025-01-01T00:00:00Z' });
    await api.command('PUT', '/v1/surveys/at-once', { kind: 'NPS', title: 'At once?' });
    for (let round = 1; round <= 8; round += 1) {
      const occurredAt = `2025-01-${String(round + 1).padStart(2, '0')}T12:00:00Z`;
      const customer = { customerId };
      const named = await api.command('PATCH', `/v1/customers/${customerId}`, { name: { full: `Round ${round}` } });
      expect(await api.read(`/v1/customers/${customerId}`, named.position)).toMatchObject({
        name: { full: `Round ${round}` },
      });
      const chatted = await interaction(customerId, { occurredAt });
      const [entry] = (
        await api.read<Page>(`/v1/customers/${customerId}/timeline?type=InteractionRecorded&limit=1`, chatted.position)
      ).items;
      expect(entry?.['data']).toMatchObject({ interactionId: chatted.id });
      const opened = await api.post('/v1/feedback', {
        customer,
        kind: 'question',
        channel: 'chat',
        subject: `Round ${round}`,
        occurredAt,
      });
      const inbox = await api.read<Page>(`/v1/feedback?customerId=${customerId}&order=newest`, opened.position);
      expect(inbox.items.map(({ subject }) => subject)[0]).toBe(`Round ${round}`);
      expect(inbox.items).toHaveLength(round);
      const answered = await api.post('/v1/surveys/at-once/answers', {
        customer,
        score: 9,
        channel: 'chat',
        occurredAt,
      });
      const nps = await api.read<{ points: Json[] }>(
        '/v1/metrics/nps?from=2025-01-01&to=2025-01-31',
        answered.position,
      );
      expect(nps.points[0]?.['n']).toBe(round);
      const earned = await api.post(`/v1/loyalty/${customerId}/earnings`, { points: 10, reason: 'round', occurredAt });
      expect(await api.read(`/v1/loyalty/${customerId}`, earned.position)).toMatchObject({ balance: 10 * round });
      const bought = await api.post('/v1/purchases', {
        customer,
        channel: 'chat',
        currency: 'EUR',
        lines: [{ sku: 'S', name: 'Something', quantity: '1', amount: '1000' }],
        occurredAt,
      });
      const vips = await api.read<Page>(`/v1/segments/vip/members?asOf=${occurredAt}`, bought.position);
      expect(vips.items.some((member) => member['customerId'] === customerId)).toBe(round >= 5);
    }
  });

  it('shows the inbox by who waits longest, or the most severe first', async () => {
    const { id: customerId } = await api.register({ occurredAt: '2025-02-01T00:00:00Z' });
    const severities = ['low', 'critical', undefined, 'normal', 'critical', 'high'];
    let position = '';
    for (const [index, severity] of severities.entries()) {
      const opened = await api.post('/v1/feedback', {
        customer: { customerId },
        kind: 'complaint',
        channel: 'app',
        subject: `${index}`,
        // Entered in no order of time: 4, 3, 2, 5, 0, 1 from the oldest.
        occurredAt: `2025-02-0${[6, 7, 4, 3, 2, 5][index]}T00:00:00Z`,
      });
      ({ position } = severity
        ? await api.post(`/v1/feedback/${opened.id}/classification`, {
            topic: 't',
            severity,
            sentiment: 'neutral',
            urgency: 'low',
          })
        : opened);
    }
    const inbox = async (order: string): Promise<unknown> =>
      (await api.all<Json>(`/v1/feedback?customerId=${customerId}&order=${order}&limit=2`, position))
        .map(({ subject }) => subject)
        .join('');
    expect(await inbox('oldest')).toBe('432501');
    expect(await inbox('newest')).toBe('105234');
    // Critical, high, not classified, normal, low; of equals the oldest.
    expect(await inbox('severity')).toBe('415230');
    expect(await api.read(`/v1/feedback?customerId=${customerId}&severity=high`, position)).toMatchObject({
      items: [{ subject: '5' }],
    });
  });

  it('answers 304 while a profile, a case or a ledger has not changed, and 200 once it has', async () => {
    const { id: customerId } = await api.register({ name: { full: 'Etta Tag' } });
    const opened = await api.post('/v1/feedback', {
      customer: { customerId },
      kind: 'praise',
      channel: 'web',
      subject: 'Good',
    });
    const { position } = await api.post(`/v1/loyalty/${customerId}/earnings`, { points: 5, reason: 'start' });
    for (const address of [`/v1/customers/${customerId}`, `/v1/feedback/${opened.id}`, `/v1/loyalty/${customerId}`]) {
      const first = await api.send('GET', address, { position });
      const etag = first.headers.get('etag') ?? '';
      expect([first.status, etag]).toEqual([200, expect.stringMatching(/^W\/"/)]);
      for (const tag of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
        const again = await api.send('GET', address, { position, headers: { 'if-none-match': tag } });
        expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
      }
      expect((await api.send('GET', address, { position, headers: { 'if-none-match': 'W/"other"' } })).status).toBe(
        200,
      );
    }
    const { etag } = Object.fromEntries((await api.send('GET', `/v1/customers/${customerId}`, { position })).headers);
    const changed = await api.command('PATCH', `/v1/customers/${customerId}`, { language: 'en' });
    const after = await api.send('GET', `/v1/customers/${customerId}`, {
      position: changed.position,
      headers: { 'if-none-match': etag ?? '' },
    });
    expect([after.status, after.body['language']]).toEqual([200, 'en']);
  });
});

describe('paging a timeline while it grows', () => {
  it.each(['newest', 'oldest'])('neither skips nor repeats an entry, %s first, all at one instant', async (order) => {
    const { id: customerId } = await api.register({ occurredAt: '2025-03-01T00:00:00Z' });
    const instant = '2025-03-02T10:00:00.000Z';
    const enter = (occurredAt: string): Promise<Outcome> => interaction(customerId, { occurredAt });
    const before = new Set<string>();
    let position = '';
    for (let count = 0; count < 25; count += 1) {
      const outcome = await enter(instant);
      before.add(outcome.id);
      ({ position } = outcome);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const address = `/v1/customers/${customerId}/timeline?type=InteractionRecorded&order=${order}&limit=4`;
      const page: Page<{ data: { interactionId: string } }> = await api.read(
        `${address}${cursor && `&cursor=${cursor}`}`,
        position,
      );
      seen.push(...page.items.map(({ data }) => data.interactionId));
      // At the same instant, later, and late arrivals from before.
      await enter(instant);
      await enter('2025-03-02T11:00:00Z');
      ({ position } = await enter('2025-03-02T09:00:00Z'));
      cursor = page.next;
      // What comes in at the far end would otherwise be paged through for ever.
      if (seen.length > 60) break;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => before.has(id))).toHaveLength(before.size);
  });
});

describe('live', () => {
  it('streams the timeline of one customer and goes on after Last-Event-ID', async () => {
    const { id: customerId } = await api.register({ name: { full: 'Livia Stream' } });
    const { id: other } = await api.register();
    const address = `${product.url}/v1/customers/${customerId}/timeline/stream`;
    const stream = await SseClient.open(address);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const first = await interaction(customerId, { body: 'one' });
    await interaction(other, { body: 'of somebody else' });
    const second = await interaction(customerId, { body: 'two' });
    const seen = await stream.take(2);
    expect(seen.map(({ id, event }) => [event, id])).toEqual([
      ['entry', first.position],
      ['entry', second.position],
    ]);
    expect(seen.map(({ data }) => data['personal'])).toEqual([{ body: 'one' }, { body: 'two' }]);
    stream.close();

    // Meanwhile, and after it is back.
    const missed = await interaction(customerId, { body: 'three' });
    const again = await SseClient.open(address, { 'last-event-id': first.position });
    const late = await interaction(customerId, { body: 'four' });
    expect((await again.take(3)).map(({ id }) => id)).toEqual([second.position, missed.position, late.position]);
    again.close();

    // An entry that is streamed is the entry that is read.
    const page = await api.read<Page>(`/v1/customers/${customerId}/timeline?limit=200`, late.position);
    expect(page.items).toContainEqual(seen[0]?.data);
  });

  it('streams and pages the log, in order, without anything personal', async () => {
    const all = await api.events();
    const positions = all.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort());
    expect(new Set(positions).size).toBe(all.length);
    // Small pages make the same whole, and the last one says where to go on.
    const small: LoggedEvent[] = [];
    for (let from = ''; ;) {
      const page = await api.read<Page<LoggedEvent>>(`/v1/events?limit=37${from && `&from=${from}`}`);
      small.push(...page.items);
      if (page.items.length === 0) {
        expect(page.next).toBe(positions.at(-1));
        break;
      }
      from = page.next ?? '';
    }
    expect(small).toEqual(all);
    expect(all.filter((event) => 'personal' in event)).toEqual([]);
    const text = JSON.stringify(all);
    for (const word of ['Quast', 'quast', 'Lindenstra', 'wobbles', 'Where is my order', 'Thank you', '12345678'])
      expect(text).not.toContain(word);
    expect((await api.events('&types=PointsSpent,PointsEarned')).map(({ type }) => type)).toEqual(
      all.filter(({ type }) => type.startsWith('Points')).map(({ type }) => type),
    );

    const from = positions[9] ?? '';
    const stream = await SseClient.open(`${product.url}/v1/events/stream?from=${from}`);
    const past = await stream.take(all.length - 10);
    expect(past.map(({ data }) => data)).toEqual(all.slice(10));
    const { position } = await interaction(job.customerId, { body: 'Quast again', occurredAt: '2024-04-03T00:00:00Z' });
    const [live] = await stream.take(1);
    expect(live).toMatchObject({ id: position, event: 'InteractionRecorded' });
    expect(JSON.stringify(live)).not.toContain('Quast again');
    stream.close();
    job.position = position;
  });
});

describe('erasing a customer', () => {
  const WORDS = ['zebulon', 'quirkfeather', '4155550137', '555-0137', 'wx-zq-77', '1971-07-17'];

  it('answers 410 everywhere, leaves nothing of the person in any answer or store, and frees the identities', async () => {
    const email = { kind: 'email', value: 'Zebulon@Quirkfeather.example' };
    const registered = await api.register({
      name: { full: 'Zebulon Quirkfeather', given: 'Zebulon', family: 'Quirkfeather' },
      identities: [email, { kind: 'phone', value: '(415) 555-0137' }, { kind: 'wechat', value: 'wx-zq-77' }],
      birthDate: '1971-07-17',
      address: { lines: ['1 Quirkfeather Lane'], city: 'Zebulon' },
      note: 'Zebulon likes tea',
      stage: 'customer',
    });
    const customerId = registered.id;
    const customer = { customerId };
    await interaction(customerId, { subject: 'Zebulon called', body: 'Quirkfeather, he said. '.repeat(300) });
    const purchase = await api.post('/v1/purchases', {
      customer,
      channel: 'web',
      currency: 'EUR',
      lines: [{ sku: 'S', name: 'Something', quantity: '2', amount: '8000' }],
      shipTo: { city: 'Quirkfeather' },
    });
    const opened = await api.post('/v1/feedback', {
      customer,
      kind: 'complaint',
      channel: 'email',
      subject: 'From Zebulon',
      body: 'Quirkfeather '.repeat(200),
    });
    await api.post(`/v1/feedback/${opened.id}/responses`, { message: 'Dear Zebulon' });
    const answered = await api.post('/v1/surveys/main-nps/answers', {
      customer,
      score: 10,
      channel: 'web',
      comment: 'Zebulon is glad',
    });
    const earned = await api.post(`/v1/loyalty/${customerId}/earnings`, { points: 10, reason: 'start' });
    expect((await api.read<Page>('/v1/customers?q=zebulon', earned.position)).items).toHaveLength(1);
    // So that finding nothing means something: in the read models the name stands in the clear.
    expect((await product.stores.placesWith(['zebulon'])).length).toBeGreaterThan(0);
    const stream = await SseClient.open(`${product.url}/v1/customers/${customerId}/timeline/stream`);

    const erased = await api.send<Outcome>('DELETE', `/v1/customers/${customerId}?reason=asked`, {
      headers: { 'idempotency-key': 'erase-zebulon' },
    });
    expect([erased.status, erased.body.id]).toEqual([202, customerId]);
    let carriedOut: LoggedEvent | undefined;
    await product.until(async () => {
      carriedOut = (await api.events('&types=CustomerErasureCarriedOut')).find(
        ({ metadata }) => metadata['customerId'] === customerId,
      );
      return carriedOut !== undefined;
    }, 'the erasure is carried out');
    const position = carriedOut?.position ?? '';
    stream.close();
    await product.until(
      async () => (await product.stores.placesWith(WORDS)).length === 0,
      'no store of the running product holds anything of the person',
      10_000,
    );

    const gone: [method: string, address: string, json?: Json][] = [
      ['GET', `/v1/customers/${customerId}`],
      ['GET', `/v1/customers/${customerId}/timeline`],
      ['GET', `/v1/customers/${customerId}/timeline/stream`],
      ['GET', `/v1/loyalty/${customerId}`],
      ['GET', `/v1/feedback?customerId=${customerId}`],
      ['GET', `/v1/feedback/${opened.id}`],
      ['GET', `/v1/surveys/main-nps/answers/${answered.id}`],
      ['DELETE', `/v1/customers/${customerId}`],
      ['PATCH', `/v1/customers/${customerId}`, { language: 'en' }],
      ['POST', `/v1/customers/${customerId}/identities`, email],
      ['POST', `/v1/customers/${customerId}/identities/removals`, email],
      ['POST', `/v1/customers/${customerId}/consents`, { purpose: 'p', status: 'granted', textVersion: '1' }],
      ['POST', `/v1/customers/${customerId}/lifecycle`, { to: 'lost' }],
      ['POST', '/v1/interactions', { customer, channel: 'web', direction: 'inbound', kind: 'visit' }],
      [
        'POST',
        '/v1/purchases',
        { customer, channel: 'web', currency: 'EUR', lines: [{ sku: 'S', name: 'S', quantity: '1', amount: '1' }] },
      ],
      ['POST', `/v1/purchases/${purchase.id}/returns`, {}],
      ['POST', '/v1/feedback', { customer, kind: 'praise', channel: 'web', subject: 's' }],
      ['POST', `/v1/feedback/${opened.id}/resolution`, { resolution: 'none' }],
      ['POST', '/v1/surveys/main-nps/answers', { customer, score: 1, channel: 'web' }],
      ['POST', `/v1/loyalty/${customerId}/earnings`, { points: 1, reason: 'r' }],
      ['POST', `/v1/loyalty/${customerId}/redemptions`, { points: 1, reason: 'r' }],
    ];
    const head = await api.head();
    for (const [method, address, json] of gone) {
      const answer = await api.send(method, address, { ...(json && { json }), ...(method === 'GET' && { position }) });
      expect([method, address, answer.status, answer.body['code']]).toEqual([method, address, 410, 'CUSTOMER_ERASED']);
    }
    expect(await api.writtenSince(head)).toEqual([]);

    const lists = [
      '/v1/customers?limit=200',
      '/v1/customers?q=zebulon',
      '/v1/customers?identity=email:zebulon@quirkfeather.example',
      '/v1/feedback?status=all&limit=200',
      '/v1/surveys/main-nps/answers?limit=200',
      ...['new', 'active', 'at-risk', 'vip', 'promoter', 'detractor'].map(
        (id) => `/v1/segments/${id}/members?limit=200`,
      ),
    ];
    for (const list of lists) {
      const text = (await api.send('GET', list, { position })).text.toLowerCase();
      for (const word of [...WORDS, customerId]) expect([list, text.includes(word)]).toEqual([list, false]);
    }
    const log = JSON.stringify(await api.events()).toLowerCase();
    expect(WORDS.filter((word) => log.includes(word))).toEqual([]);
    expect(WORDS.filter((word) => product.log.toLowerCase().includes(word))).toEqual([]);
    const replayed = await product.cli('--json', 'replay', '--personal', '--customer', customerId);
    expect(replayed.out.split('\n').length).toBeGreaterThan(5);
    expect(WORDS.filter((word) => replayed.out.toLowerCase().includes(word))).toEqual([]);
    await product.verify();

    expect(await product.stores.placesWith(WORDS)).toEqual([]);

    const again = await api.register({ identities: [email] });
    expect(again.id).not.toBe(customerId);
  });
});

describe('the read models', () => {
  it('give byte for byte the same answers after they were deleted', async () => {
    await product.verify();
    const addresses = [
      `/v1/customers/${job.customerId}`,
      `/v1/customers/${job.customerId}/timeline?limit=200`,
      '/v1/customers?limit=200',
      '/v1/feedback?status=all&limit=200',
      `/v1/feedback/${job.caseId}`,
      `/v1/loyalty/${job.customerId}?asOf=2024-04-03T00:00:00Z`,
      '/v1/segments?asOf=2024-04-03T00:00:00Z',
      '/v1/segments/active/members?asOf=2024-04-03T00:00:00Z',
      '/v1/surveys',
      ...['nps', 'csat', 'ces', 'first-response-time', 'resolution-time', 'points-issued', 'repeat-purchase-rate'].map(
        (metric) => `/v1/metrics/${metric}?from=2024-01-01&to=2025-12-31&interval=week`,
      ),
    ];
    const position = (await api.head()) ?? '';
    const texts = async (): Promise<[string, number, string][]> => {
      const answers: [string, number, string][] = [];
      for (const address of addresses) {
        const { status, text } = await api.send('GET', address, { position });
        answers.push([address, status, text]);
      }
      return answers;
    };
    const before = await texts();
    expect(before.filter(([, status]) => status !== 200)).toEqual([]);

    expect(await product.kill('SIGTERM')).toBe(0);
    await product.stores.dropReadModels();
    await product.start();
    await product.until(
      async () => (await api.send('GET', '/health/ready')).body['status'] === 'green',
      'the read models are made anew',
    );
    expect(await texts()).toEqual(before);
    await product.verify();
  });
});
