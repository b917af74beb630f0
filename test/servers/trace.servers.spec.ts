/** One trace from the HTTP request to the message on Kafka, with the built product on servers. */
import { randomBytes } from 'node:crypto';
import { readCommittedFromKafka } from '../../libs/messaging/src/testing/kafka-audit.js';
import { OtlpCollector } from '../support/otlp-collector.js';
import { RunningProduct } from '../support/running-product.js';
import { ServerStores } from '../support/stores.js';

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
