/**
 * Texts and dates that somewhere come back as others: each goes through a command, the log, the read models, searches and an
 * import of the built product, and comes back as it was, or is refused with a reason.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EARLY, KEPT, REFUSED } from '../../libs/kernel/src/testing/texts.js';
import { RunningProduct } from '../support/running-product.js';
import { Api, type Json, type Page, type Problem } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  await product.start();
  api = new Api(product.url);
  await api.command('PUT', '/v1/surveys/nps', { kind: 'NPS', title: 'Would you?' });
});
afterAll(() => product.dispose());

const found = async (query: string, position: string): Promise<unknown[]> =>
  (await api.read<Page>(`/v1/customers?limit=200&${query}`, position)).items.map((item) => item['customerId']);
const written = (of: unknown): string => JSON.stringify(of);

describe('a text', () => {
  /** By customer. */
  const texts = new Map<string, string>();

  it.each(KEPT)('of $what comes back from everything that holds it', async ({ text, sought }) => {
    const { id: customerId } = await api.command('POST', '/v1/customers', {
      kind: 'person',
      name: { full: text },
      note: text,
      address: { lines: [text] },
      traits: { told: text },
    });
    texts.set(customerId, text);
    const customer = { customerId };
    const spoken = { customer, channel: 'wechat', direction: 'inbound', kind: 'chat', subject: text, body: text };
    const interaction = await api.command('POST', '/v1/interactions', { ...spoken, agent: 'li', threadId: 't' });
    const bought = await api.command('POST', '/v1/purchases', {
      customer,
      channel: 'web',
      currency: 'USD',
      lines: [{ sku: 'B-1', name: text, quantity: '1', unitPrice: '1' }],
    });
    const feedback = await api.command('POST', '/v1/feedback', {
      customer,
      kind: 'question',
      channel: 'email',
      subject: text,
      body: text,
    });
    const answer = { customer, score: 9, channel: 'web', comment: text };
    const { position } = await api.command('POST', '/v1/surveys/nps/answers', answer);

    const profile = await api.read(`/v1/customers/${customerId}`, position);
    expect(profile).toMatchObject({
      name: { full: text },
      note: text,
      address: { lines: [text] },
      traits: { told: text },
    });
    expect(written(await api.read(`/v1/customers/${customerId}?knownAt=${position}`))).toBe(written(profile));
    const said = { subject: text, body: text };
    expect(await api.read(`/v1/interactions/${interaction.id}`)).toMatchObject(said);
    expect(await api.read(`/v1/feedback/${feedback.id}`, position)).toMatchObject(said);
    expect(await api.read(`/v1/purchases/${bought.id}`)).toMatchObject({ lines: [{ name: text }] });
    const { items } = await api.read<Page>(`/v1/customers/${customerId}/timeline?order=oldest`, position);
    expect(items).toMatchObject([
      { type: 'CustomerRegistered', personal: { name: { full: text }, note: text } },
      { type: 'InteractionRecorded', personal: said },
      { type: 'PurchaseRecorded', data: { lines: [{ name: text }] } },
      { type: 'FeedbackCaseOpened', personal: said },
      { type: 'SurveyAnswered', personal: { comment: text } },
    ]);
    const trait = new URLSearchParams({ 'trait.told': text }).toString();
    expect(await found(trait, position)).toEqual([customerId]);
    if (sought === undefined) return;
    const query = new URLSearchParams({ q: sought, 'trait.told': text }).toString();
    expect(await found(query, position)).toEqual([customerId]);
    const search = new URLSearchParams({ text: sought }).toString();
    const hits = await api.read<Page>(`/v1/customers/${customerId}/timeline?order=oldest&${search}`, position);
    expect(hits.items.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  });

  it('comes back from the log, opened', async () => {
    const { code, out } = await product.cli('--json', 'replay', '--type', 'CustomerRegistered', '--personal');
    expect(code).toBe(0);
    const log = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { data: Json; personal: { name: { full: string } } })
      .map(({ data, personal }) => [data['customerId'], personal.name.full]);
    expect(log).toEqual([...texts]);
  });

  it('comes back from an import', async () => {
    const lines = KEPT.map(({ text }, index) => ({
      id: `imported-${index}`,
      type: 'RegisterCustomer',
      data: { kind: 'person', name: { full: text }, traits: { import: index } },
    }));
    const file = path.join(product.folder, 'customers.ndjson');
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect((await product.cli('import', 'commands', file, '--source', 'crm')).out).toContain(
      `${KEPT.length} commands recorded`,
    );
    const { position } = await api.command('POST', '/v1/customers', { kind: 'person' });
    for (const [index, { text }] of KEPT.entries()) {
      const { items } = await api.read<Page>(`/v1/customers?trait.import=${index}`, position);
      expect(items).toEqual([expect.objectContaining({ name: { full: text } })]);
    }
  });

  it('of 50,000 characters comes back', async () => {
    const { id } = await api.command('POST', '/v1/customers', { kind: 'person' });
    const body = '🎉'.repeat(49_990) + ' the end.';
    const spoken = { customer: { customerId: id }, channel: 'email', direction: 'outbound', kind: 'letter', body };
    const { position, id: interactionId } = await api.command('POST', '/v1/interactions', spoken);
    expect((await api.read(`/v1/interactions/${interactionId}`))['body']).toBe(body);
    const { items } = await api.read<Page>(`/v1/customers/${id}/timeline`, position);
    expect(items[0]).toMatchObject({ personal: { body } });
  });

  it('has its line breaks made one kind, which is all that is changed', async () => {
    const { id, position } = await api.command('POST', '/v1/customers', { kind: 'person', note: 'a\r\nb\nc' });
    expect((await api.read(`/v1/customers/${id}`, position))['note']).toBe('a\nb\nc');
  });

  it.each(REFUSED)('of $what is refused', async ({ text, status, code }) => {
    const head = await api.head();
    const answer = await api.send<Problem>('POST', '/v1/customers', { json: { kind: 'person', name: { full: text } } });
    expect([answer.status, answer.body.errors?.map((error) => [error.pointer, error.code])]).toEqual([
      status,
      [['/name/full', code]],
    ]);
    expect(await api.writtenSince(head)).toEqual([]);
  });
});

describe('a date', () => {
  it.each(['0001-01-01', '1600-02-29', '1900-02-28', '1969-12-31', '2000-02-29'])(
    'of birth, %s, comes back',
    async (birthDate) => {
      const { id, position } = await api.command('POST', '/v1/customers', { kind: 'person', birthDate });
      expect((await api.read(`/v1/customers/${id}`, position))['birthDate']).toBe(birthDate);
    },
  );

  it.each([
    ['/birthDate', { birthDate: '1900-02-29' }, 'NOT_A_DATE'],
    ['/birthDate', { birthDate: '0000-01-01' }, 'NOT_A_DATE'],
    ['/birthDate', { birthDate: '9999-01-01' }, 'BIRTH_DATE_IN_FUTURE'],
    ['/occurredAt', { occurredAt: '1931-02-29T00:00:00Z' }, 'NOT_AN_INSTANT'],
    ['/occurredAt', { occurredAt: '0001-01-01T00:00:00+08:00' }, 'NOT_AN_INSTANT'],
    ['/occurredAt', { occurredAt: '9999-01-01T00:00:00Z' }, 'OCCURRED_IN_FUTURE'],
  ])('that is none, or not yet, is refused at %s: %j', async (pointer, wrong, code) => {
    const answer = await api.send<Problem>('POST', '/v1/customers', { json: { kind: 'person', ...wrong } });
    expect([answer.status, answer.body.errors?.map((error) => [error.pointer, error.code])]).toEqual([
      422,
      [[pointer, code]],
    ]);
  });

  it('before 1970 is in its place in a timeline, a page, a range, the past and a segment', async () => {
    const [first, ...later] = EARLY;
    const { id: customerId } = await api.command('POST', '/v1/customers', { kind: 'person', occurredAt: first });
    const call = { customer: { customerId }, channel: 'phone', direction: 'inbound', kind: 'call' };
    let position = '';
    // In no order, and one of them told with an offset.
    for (const occurredAt of [...later].reverse()) {
      const told = occurredAt.startsWith('1931') ? '1931-03-04T13:06:07.089+08:00' : occurredAt;
      position = (await api.command('POST', '/v1/interactions', { ...call, occurredAt: told })).position;
    }
    const timeline = `/v1/customers/${customerId}/timeline`;
    const instants = async (query: string): Promise<unknown[]> =>
      (await api.all<Json>(`${timeline}?${query}`, position)).map(({ at }) => at);
    expect(await instants('order=oldest&limit=2')).toEqual(EARLY);
    expect(await instants('limit=1')).toEqual([...EARLY].reverse());
    expect(await instants('order=oldest&from=1899-12-31T23:59:59.999Z&to=1970-01-01T00:00:00Z')).toEqual(
      EARLY.slice(2, 5),
    );
    expect(await instants('order=oldest&asOf=1931-03-04T05:06:07.088Z')).toEqual(EARLY.slice(0, 3));
    const past = await api.read(`/v1/customers/${customerId}?asOf=1950-01-01T00:00:00Z`, position);
    expect(past).toMatchObject({ firstSeenAt: first, lastContact: { at: EARLY[3] }, interactions: { total: 3 } });
    const members = await api.all<Json>('/v1/segments/active/members?asOf=1931-04-01T00:00:00Z', position);
    expect(members).toEqual([{ customerId, since: EARLY[3], until: '1931-06-02T05:06:07.089Z' }]);
  });
});

it('leaves every read model equal to a fold of the log', () => product.verify());
