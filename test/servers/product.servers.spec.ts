/**
 * The built product on servers: EventStoreDB's stand-in, MongoDB's protocol and Apache Kafka. The process is killed in the
 * middle, and so is the log's server under it; in the end read models equal the log, and a consumer that reads committed
 * messages has seen every public event once and in order per customer.
 */
import { randomBytes } from 'node:crypto';
import { readCommittedFromKafka } from '../../libs/messaging/src/testing/kafka-audit.js';
import { OtlpCollector } from '../support/otlp-collector.js';
import { RunningProduct } from '../support/running-product.js';
import { ServerStores } from '../support/stores.js';

const CUSTOMERS = 20;
const CONTACTS = 200;

describe('the product on EventStoreDB, MongoDB’s protocol and Kafka', () => {
  let product: RunningProduct;
  let stores: ServerStores;
  let collector: OtlpCollector;

  beforeAll(async () => {
    const open = async (folder: string): Promise<ServerStores> => (stores = await ServerStores.openWithOwnLog(folder));
    collector = await OtlpCollector.start();
    product = await RunningProduct.create(collector.env, open);
    await product.start();
  });
  afterAll(async () => {
    await product.dispose();
    await collector.stop();
  });

  const post = async (path: string, key: string, body: object): Promise<{ id: string; position: string }> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const response = await fetch(`${product.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify(body),
        });
        if (response.ok) return (await response.json()) as { id: string; position: string };
        if (response.status !== 503) throw new Error(`${response.status}: ${await response.text()}`);
      } catch (error) {
        // Killed under the request: the same command is sent again once it is back. (Jest's `instanceof` does not know Node's errors.)
        if ((error as Error).message !== 'fetch failed') throw error;
      }
      if (attempt > 4_000) throw new Error(`${path} was not answered:\n${product.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('loses, doubles and reorders nothing when it and its log are killed in the middle', async () => {
    const customers = await Promise.all(
      Array.from({ length: CUSTOMERS }, (_, n) =>
        post('/v1/customers', `customer-${n}`, {
          kind: 'person',
          name: { full: `Person ${n}` },
          identities: [{ kind: 'member', value: `M-${n}` }],
        }),
      ),
    );
    let position = '';
    const contacts = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) {
        const customer = { customerId: customers[n % CUSTOMERS]?.id };
        const answer = await post('/v1/interactions', `contact-${n}`, {
          customer,
          channel: 'phone',
          direction: 'inbound',
          kind: 'call',
          subject: `Call ${n}`,
        });
        position = answer.position > position ? answer.position : position;
      }
    };
    const writing = contacts(0, CONTACTS);
    for (let kill = 0; kill < 3; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await product.kill('SIGKILL');
      await product.start();
      await stores.killAndRestartLog();
    }
    await writing;

    const seen = await fetch(`${product.url}/v1/customers/${customers[0]?.id}/timeline?limit=200`, {
      headers: { 'timeline-position': position },
    });
    expect(((await seen.json()) as { items: unknown[] }).items).toHaveLength(CONTACTS / CUSTOMERS + 1);
    await product.until(async () => {
      const health = (await (await fetch(`${product.url}/health/ready`)).json()) as {
        head: string;
        relay?: { position: string };
      };
      return health.relay?.position === health.head;
    }, 'the relay has come to the head');
    await product.verify();

    const topic = 'customer-timeline.interactions';
    const published = (await readCommittedFromKafka(stores.env.BROKER_URL, topic)).filter(({ key }) =>
      customers.some(({ id }) => id === key),
    );
    expect(published).toHaveLength(CONTACTS);
    expect(new Set(published.map(({ headers }) => headers['ce_id'])).size).toBe(CONTACTS);
    for (const { id } of customers) {
      const positions = published.filter(({ key }) => key === id).map(({ headers }) => headers['ce_position'] ?? '');
      expect(positions).toEqual([...positions].sort());
    }
    expect(JSON.stringify(published)).not.toContain('Call 1');
  }, 600_000);

  it('shows one trace from the request to the message, which carries it on', async () => {
    const trace = randomBytes(16).toString('hex');
    const response = await fetch(`${product.url}/v1/customers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${trace}-ab12ab12ab12ab12-01` },
      body: JSON.stringify({ kind: 'person' }),
    });
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: string };
    const wanted = ['POST /v1/customers', 'command RegisterCustomer', 'append', 'project profile', 'publish'];
    const names = (): string[] => collector.of(trace).map(({ name }) => name);
    await product.until(() => wanted.every((name) => names().includes(name)), 'every step is told of');
    const command = collector.of(trace).find(({ name }) => name === 'command RegisterCustomer');
    const publish = collector.of(trace).find(({ name }) => name === 'publish');
    expect(publish?.parentSpanId).toBe(command?.spanId);

    const message = (await readCommittedFromKafka(stores.env.BROKER_URL, 'customer-timeline.customers')).find(
      ({ key }) => key === id,
    );
    expect(message?.headers['ce_traceparent']).toBe(`00-${trace}-${command?.spanId}-01`);
    const metrics = await (await fetch(`${product.url}/metrics`)).text();
    expect(metrics).toMatch(/^timeline_publish_messages_count [1-9]/m);
    expect(metrics).toMatch(/^timeline_store_up\{store="broker"\} 1$/m);
  });
});
