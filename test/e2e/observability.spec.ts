/**
 * What an operator sees of the built product: one trace from the request to each read model, log lines that are JSON and
 * name no person, metrics that move when something happens and when something goes wrong.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import Libsql from 'libsql';
import { productSlices } from '@timeline/product';
import { attributesOf, OtlpCollector, type CollectedSpan } from '../support/otlp-collector.js';
import { freePort } from '../support/free-ports.mjs';
import { RunningProduct } from '../support/running-product.js';
import { Api, type Json } from './api.js';

const handling = (type: string): string[] =>
  productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'US' })
    .flatMap(({ projections = [] }) => [...projections])
    .filter(({ handles }) => handles.includes(type))
    .map(({ name }) => `project ${name}`);

/** None of these may be seen anywhere but in answers. */
const PLANTED = {
  name: 'Zebulon Quarterstaff',
  renamed: 'Zebulon Halfstaff',
  email: 'zebulon.q@planted.example',
  phone: '+12025550143',
  body: 'My xylophone arrived without its mallets',
  note: 'He shouted about the mallets again',
};
const traceId = (): string => randomBytes(16).toString('hex');
const PARENT = 'ab12ab12ab12ab12';
const traced = (trace: string, flags = '01'): Record<string, string> => ({
  traceparent: `00-${trace}-${PARENT}-${flags}`,
});

let collector: OtlpCollector;
let product: RunningProduct;
let api: Api;
let customerId: string;

const lines = (): Json[] =>
  product.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Json);
const openCase = (trace: string, more: Json = {}, headers: Record<string, string> = {}): ReturnType<Api['send']> =>
  api.send('POST', '/v1/feedback', {
    json: { customer: { customerId }, kind: 'complaint', channel: 'phone', subject: 'A case', ...more },
    headers: { ...traced(trace), ...headers },
  });
const spansOf = async (trace: string, isComplete: (names: string[]) => boolean): Promise<CollectedSpan[]> => {
  await product.until(() => isComplete(collector.of(trace).map(({ name }) => name)), `the spans of ${trace} are there`);
  return collector.of(trace);
};
const includesAll =
  (wanted: readonly string[]) =>
  (names: string[]): boolean =>
    wanted.every((name) => names.includes(name));

beforeAll(async () => {
  collector = await OtlpCollector.start();
  product = await RunningProduct.create({ DEMO: 'off', LOG_LEVEL: 'trace', ...collector.env });
  await product.start();
  api = new Api(product.url);
  const { name, email, phone } = PLANTED;
  ({ id: customerId } = await api.register({
    name: { full: name },
    identities: [
      { kind: 'email', value: email },
      { kind: 'phone', value: phone },
    ],
  }));
});
afterAll(async () => {
  await product.dispose();
  await collector.stop();
});

describe('a trace', () => {
  it('leads from the caller through request, command and append to every read model', async () => {
    const trace = traceId();
    const answer = await openCase(trace, {}, { 'x-correlation-id': 'ticket-4711' });
    expect(answer.status).toBe(201);
    const readModels = handling('FeedbackCaseOpened');
    expect(readModels).toEqual(expect.arrayContaining(['project timeline', 'project case-inbox', 'project profile']));
    const spans = await spansOf(
      trace,
      includesAll(['POST /v1/feedback', 'command OpenFeedbackCase', 'append', ...readModels]),
    );
    const byName = new Map(spans.map((span) => [span.name, span]));
    expect([...byName.keys()].sort()).toEqual(
      ['POST /v1/feedback', 'command OpenFeedbackCase', 'append', ...readModels].sort(),
    );
    const parents = Object.fromEntries(
      spans.map(({ name, parentSpanId }) => [
        name,
        parentSpanId === PARENT ? 'the caller' : spans.find(({ spanId }) => spanId === parentSpanId)?.name,
      ]),
    );
    expect(parents).toEqual({
      'POST /v1/feedback': 'the caller',
      'command OpenFeedbackCase': 'POST /v1/feedback',
      append: 'command OpenFeedbackCase',
      ...Object.fromEntries(readModels.map((name) => [name, 'command OpenFeedbackCase'])),
    });
    const attributes = (name: string): Json => attributesOf(byName.get(name) as CollectedSpan);
    expect(attributes('append')).toEqual({
      'timeline.stream.category': 'feedback',
      'timeline.events': 1,
      'timeline.revision': 0,
    });
    expect(attributes('POST /v1/feedback')).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/feedback',
      'http.response.status_code': 201,
    });
    const [event] = (await api.events('&types=FeedbackCaseOpened')).slice(-1);
    const command = byName.get('command OpenFeedbackCase');
    expect(event?.metadata).toMatchObject({
      traceparent: `00-${trace}-${command?.spanId}-01`,
      correlationId: 'ticket-4711',
    });
    expect(lines().filter(({ trace_id }) => trace_id === trace)).toEqual([
      expect.objectContaining({ msg: 'answered', route: '/v1/feedback', status: 201, correlationId: 'ticket-4711' }),
    ]);
  });

  it('that the caller does not sample costs nothing further on', async () => {
    const [unsampled, after] = [traceId(), traceId()];
    await openCase(unsampled, {}, traced(unsampled, '00'));
    await openCase(after);
    await spansOf(after, includesAll(handling('FeedbackCaseOpened')));
    expect(collector.of(unsampled)).toEqual([]);
    const [event, next] = (await api.events('&types=FeedbackCaseOpened')).slice(-2);
    expect(event?.metadata['traceparent']).toBeUndefined();
    expect(next?.metadata['traceparent']).toContain(after);
  });

  it('is no part of what a command is: sent again in another trace it is the same command', async () => {
    const [first, again] = [traceId(), traceId()];
    const key = { 'idempotency-key': 'the-same' };
    const before = await api.events('&types=FeedbackCaseOpened');
    const one = await openCase(first, {}, key);
    const two = await openCase(again, {}, key);
    expect(two.body).toEqual(one.body);
    const spans = await spansOf(again, includesAll(['POST /v1/feedback', 'command OpenFeedbackCase', 'append']));
    const append = spans.find(({ name }) => name === 'append');
    expect(append && attributesOf(append)).toMatchObject({ 'timeline.repeated': true });
    expect(await api.events('&types=FeedbackCaseOpened')).toHaveLength(before.length + 1);
  });

  it('holds every line of a bulk', async () => {
    const trace = traceId();
    const count = 70;
    const raw = Array.from({ length: count }, (_, n) => ({
      id: `bulk-${n}`,
      type: 'RecordInteraction',
      data: { customer: { customerId }, channel: 'chat', direction: 'inbound', kind: 'chat', subject: 'Hello' },
    }));
    const answer = await api.send('POST', '/v1/commands', {
      raw: raw.map((line) => `${JSON.stringify(line)}\n`).join(''),
      headers: { 'content-type': 'application/x-ndjson', ...traced(trace) },
    });
    expect(answer.text.match(/"status":200/g)).toHaveLength(count);
    const named = (name: string, names: string[]): number => names.filter((each) => each === name).length;
    const spans = await spansOf(
      trace,
      (names) => named('append', names) === count && names.includes('POST /v1/commands'),
    );
    expect(
      named(
        'command RecordInteraction',
        spans.map(({ name }) => name),
      ),
    ).toBe(count);
  });
});

describe('no person', () => {
  it('is named in a span or a log line, whatever is asked and whatever goes wrong', async () => {
    const { name, renamed, email, phone, body, note } = PLANTED;
    const send = async (method: string, address: string, json?: Json, headers: Record<string, string> = {}) =>
      (await api.send(method, address, { headers, ...(json && { json }) })).status;
    const customer = { identity: { kind: 'email', value: email } };
    const statuses = [
      await send('POST', '/v1/feedback', { customer, kind: 'complaint', channel: 'phone', subject: body, body }),
      await send('POST', '/v1/interactions', {
        customer,
        channel: 'phone',
        direction: 'inbound',
        kind: 'call',
        subject: note,
        body: note,
      }),
      await send('PATCH', `/v1/customers/${customerId}`, { name: { full: renamed } }),
      await send('GET', `/v1/customers?q=${encodeURIComponent(name)}`),
      await send('GET', `/v1/customers?email=${encodeURIComponent(email)}`),
      await send('GET', `/v1/nothing/${encodeURIComponent(email)}`),
      // Refused by validation, in value, name and header.
      await send('POST', '/v1/customers', { kind: name, name: { full: body }, [email]: phone }),
      await send('POST', '/v1/customers', { kind: 'person' }, { 'x-correlation-id': `about ${email}` }),
      await send('POST', '/v1/customers', { kind: 'person' }, { 'x-correlation-id': email, 'x-actor': email }),
      // Somebody else's identity already.
      await send('POST', '/v1/customers', {
        kind: 'person',
        name: { full: name },
        identities: [{ kind: 'email', value: email }],
      }),
      await send('PATCH', `/v1/customers/${customerId}`, { name: { full: name } }, { 'if-match': '"77"' }),
      await send('POST', '/v1/customers', { kind: 'person' }, { tracestate: `a=${email}`, baggage: `who=${email}` }),
    ];
    expect(statuses).toEqual([201, 201, 200, 200, 422, 404, 422, 400, 201, 409, 412, 201]);

    // A key that does not open: nothing that the caller can mend.
    const head = await api.head();
    await product.until(async () => (await api.send('GET', '/health/ready')).status === 200, 'it is green');
    await product.until(async () => (await api.head()) === head, 'nothing moves any more');
    expect(await product.kill('SIGTERM')).toBe(0);
    const keys = new Libsql(path.join(product.folder, 'data', 'keys.db'));
    const wrapped = Buffer.alloc(60, 1).toString('base64');
    keys.prepare('UPDATE data_key SET wrapped = ?').run(wrapped);
    keys.close();
    await product.start();
    const trace = traceId();
    const patch = { name: { full: renamed } };
    expect(await send('PATCH', `/v1/customers/${customerId}`, patch, traced(trace))).toBe(500);
    await spansOf(trace, (names) => names.some((each) => each.startsWith('PATCH')));
    expect(await product.kill('SIGTERM')).toBe(0);

    const failed = lines().find(({ msg }) => msg === 'request failed');
    expect(failed).toMatchObject({ level: 50, trace_id: trace, route: '/v1/customers/:id' });
    expect(failed?.['code']).toMatch(/KEY_/);
    for (const where of [product.out, product.log, collector.text]) {
      expect(where.length).toBeGreaterThan(1_000);
      for (const value of [...Object.values(PLANTED), 'Zebulon', 'planted.example', '2025550143', 'mallets']) {
        expect(where.includes(value)).toBe(false);
        expect(where.includes(encodeURIComponent(value))).toBe(false);
      }
    }
  });
});

describe('metrics', () => {
  let other: RunningProduct;
  const samples = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`${other.url}/metrics`)).text();
    return new Map(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  };
  beforeAll(async () => {
    other = await RunningProduct.create({ DEMO: 'off' });
    await other.start();
  });
  afterAll(() => other.dispose());

  it('move with work and with trouble', async () => {
    const work = new Api(other.url);
    const before = await samples();
    const { id } = await work.register({ identities: [{ kind: 'email', value: 'm@metrics.example' }] });
    const { position } = await work.post('/v1/interactions', {
      customer: { customerId: id },
      channel: 'chat',
      direction: 'inbound',
      kind: 'chat',
      subject: 'Hello',
    });
    await work.read(`/v1/customers/${id}/timeline`, position);
    const taken = { kind: 'person', identities: [{ kind: 'email', value: 'm@metrics.example' }] };
    expect((await work.send('POST', '/v1/customers', { json: taken })).status).toBe(409);
    expect((await work.send('POST', '/v1/customers', { json: { kind: 'robot' } })).status).toBe(422);
    for (const unknown of ['a', 'b', 'c']) await work.send('GET', `/v1/nothing/${unknown}`);
    const after = await samples();
    const moved = (sample: string): number => (after.get(sample) ?? 0) - (before.get(sample) ?? 0);
    expect(moved('timeline_command_seconds_count{command="RegisterCustomer",outcome="done"}')).toBe(1);
    expect(moved('timeline_command_seconds_count{command="RecordInteraction",outcome="done"}')).toBe(1);
    expect(moved('timeline_command_seconds_count{command="RegisterCustomer",outcome="IDENTITY_TAKEN"}')).toBe(1);
    expect(moved('timeline_append_seconds_count{outcome="appended"}')).toBeGreaterThanOrEqual(3);
    expect(moved('timeline_appended_events_total')).toBeGreaterThanOrEqual(3);
    expect(moved('timeline_projection_batch_events_count{projection="timeline"}')).toBeGreaterThanOrEqual(1);
    expect(moved('timeline_projection_batch_seconds_count{projection="timeline"}')).toBeGreaterThanOrEqual(1);
    expect(moved('timeline_http_request_seconds_count{method="POST",route="/v1/customers",status="422"}')).toBe(1);
    expect([...after.keys()].filter((sample) => sample.includes('nothing'))).toEqual([]);
    expect(after.get('timeline_health')).toBeDefined();
    for (const store of ['eventStore', 'readStore', 'keyStore'])
      expect(after.get(`timeline_store_up{store="${store}"}`)).toBe(1);
    expect([...after.keys()].some((sample) => sample.startsWith('timeline_projection_parked_documents{'))).toBe(true);
    expect(after.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('are named as Prometheus wants them, each with its help', async () => {
    const text = await (await fetch(`${other.url}/metrics`)).text();
    const types = [...text.matchAll(/^# TYPE (timeline_\S+) (\w+)$/gm)].map(([, name = '', type = '']) => ({
      name,
      type,
    }));
    expect(types.length).toBeGreaterThan(15);
    for (const { name, type } of types) {
      expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect([name, /_(total)$/.test(name)]).toEqual([name, type === 'counter']);
      // Units are base units, and the type is no part of a name.
      expect(name).not.toMatch(
        /_(ms|millis|milliseconds|minutes|kb|mb|percent|count|sum|bucket|gauge|counter|histogram)(_|$)/,
      );
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
    }
  });
});

/** Takes connections and never says a word. */
async function hangingServer(): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

describe('a start while a store is away', () => {
  const SECRET = 'user:hunter2-the-secret@';
  const cases: Record<string, (port: number) => NodeJS.ProcessEnv> = {
    'event store': (port) => ({ EVENT_STORE_URL: `esdb://${SECRET}127.0.0.1:${port}?tls=false` }),
    'read store': (port) => ({ READ_STORE_URL: `mongodb://${SECRET}127.0.0.1:${port}/reads` }),
    'key store': (port) => ({ KEY_STORE_URL: `mongodb://${SECRET}127.0.0.1:${port}/keys` }),
  };
  const kinds = Object.keys(cases).flatMap((store) => [[store, 'refuses'] as const, [store, 'hangs'] as const]);

  it.each(kinds)(
    'the %s that %s is waited for: alive, not ready, no secret told, and a stop ends it',
    async (store, way) => {
      const hanging = way === 'hangs' ? await hangingServer() : undefined;
      const waiting = await RunningProduct.create({
        DEMO: 'off',
        LOG_LEVEL: 'trace',
        ...cases[store]?.(hanging?.port ?? (await freePort())),
      });
      try {
        waiting.spawn();
        const get = async (address: string): Promise<{ status: number; body: Json } | undefined> => {
          const answer = await fetch(`${waiting.url}${address}`).catch(() => undefined);
          return answer && { status: answer.status, body: (await answer.json()) as Json };
        };
        await waiting.until(async () => (await get('/health/live'))?.status === 200, 'it lives');
        await waiting.until(() => waiting.out.includes('waiting for a store'), 'it says what it waits for');
        const ready = await get('/health/ready');
        expect(ready).toEqual({
          status: 503,
          body: {
            status: 'red',
            waiting: {
              code: 'STORE_UNAVAILABLE',
              message: expect.stringMatching(new RegExp(`^the (${store}|event, read or key store) is away for now`)),
            },
          },
        });
        const posted = await fetch(`${waiting.url}/v1/customers`, { method: 'POST', body: '{}' });
        expect([posted.status, posted.headers.get('retry-after')]).toEqual([503, '2']);
        expect(await posted.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        expect(await waiting.kill('SIGTERM')).toBe(0);
        expect(waiting.log).not.toContain('hunter2');
        for (const line of waiting.out.trim().split('\n'))
          expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
      } finally {
        await waiting.dispose();
        await hanging?.stop();
      }
    },
  );
});

describe('a broker that is away', () => {
  it.each(['refuses', 'hangs'])(
    'and %s: commands and reads go on, health says so soon, and a stop ends it',
    async (way) => {
      const hanging = way === 'hangs' ? await hangingServer() : undefined;
      const without = await RunningProduct.create({
        DEMO: 'off',
        LOG_LEVEL: 'trace',
        BROKER_URL: `kafka://127.0.0.1:${hanging?.port ?? (await freePort())}`,
      });
      try {
        await without.start();
        const { id, position } = await new Api(without.url).register();
        await new Api(without.url).read(`/v1/customers/${id}`, position);
        const health = (await new Api(without.url).send('GET', '/health/ready')).body;
        expect(health).toMatchObject({
          status: 'red',
          stores: { broker: { status: 'red' }, eventStore: { status: 'green' } },
        });
        const metrics = await (await fetch(`${without.url}/metrics`)).text();
        expect(metrics).toContain('timeline_store_up{store="broker"} 0');
        if (way === 'refuses') {
          const retried = async (): Promise<boolean> =>
            /timeline_retries_total\{part="relay",code="STORE_UNAVAILABLE"\} [1-9]/.test(
              await (await fetch(`${without.url}/metrics`)).text(),
            );
          await without.until(retried, 'tries are counted');
        }
        expect(await without.kill('SIGTERM')).toBe(0);
        for (const line of without.out.trim().split('\n'))
          expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
      } finally {
        await without.dispose();
        await hanging?.stop();
      }
    },
  );
});
