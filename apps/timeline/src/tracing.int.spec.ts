/**
 * Spans of work that is done for many traces at once, and of publishing, with OpenTelemetry's SDK as the server
 * registers it but for where spans go.
 */
import { context, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { openEventStore, type EventStore } from '@timeline/event-store';
import { activeTraceparent, DomainError, inBatchSpan, inSpan } from '@timeline/kernel';
import { InProcessMessageLog } from '@timeline/messaging';
import { Relay } from '@timeline/relaying';
import { eventOf, held, mapping, until } from '../../../libs/relaying/src/testing/relay-fixtures.js';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const traceparent = (n: number, flags = '01'): string =>
  `00-${String(n).padStart(32, '0')}-${String(n).padStart(16, '0')}-${flags}`;
const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
const inTrace = (n: number): ReadableSpan[] =>
  spans().filter((span) => span.spanContext().traceId === traceparent(n).slice(3, 35));

beforeAll(() => provider.register());
beforeEach(() => exporter.reset());
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
});

describe('a span', () => {
  it('tells a refusal by its code and another error as an error, never by message', async () => {
    await inSpan('refused', {}, () => Promise.reject(new DomainError('NO', 'Ann may not'))).catch(() => undefined);
    await inSpan('failed', {}, () => Promise.reject(new TypeError('Ann is not a function'))).catch(() => undefined);
    expect(spans().map(({ name, attributes, status }) => [name, attributes, status.code])).toEqual([
      ['refused', { 'error.type': 'NO' }, 0],
      ['failed', { 'error.type': 'TypeError' }, 2],
    ]);
    expect(spans().flatMap(({ events, status }) => [...events, ...(status.message ? [status.message] : [])])).toEqual(
      [],
    );
  });
});

describe('a batch', () => {
  const work = async (): Promise<string | undefined> => activeTraceparent();

  it('of one trace is a child in it, whatever else the batch holds', async () => {
    const inside = await inBatchSpan('project x', { a: 1 }, [undefined, traceparent(7), traceparent(7)], work);
    expect(spans()).toHaveLength(1);
    const [span] = inTrace(7);
    expect(span?.parentSpanContext?.spanId).toBe(traceparent(7).slice(36, 52));
    expect(span?.attributes).toEqual({ a: 1, 'timeline.events': 2 });
    expect(inside).toContain(span?.spanContext().spanId);
  });

  it('of several traces shows in each, and is linked with each', async () => {
    await inBatchSpan(
      'project x',
      {},
      [1, 2, 3, 2].map((n) => traceparent(n)),
      work,
    );
    const batch = spans().find(({ name }) => name === 'project x (batch)');
    expect(batch?.links.map(({ context: { traceId } }) => Number(traceId))).toEqual([1, 2, 3]);
    for (const n of [1, 2, 3]) {
      const [span, ...more] = inTrace(n);
      expect(more).toEqual([]);
      expect(span?.parentSpanContext?.spanId).toBe(traceparent(n).slice(36, 52));
      expect(span?.links.map((link) => link.context.spanId)).toEqual([batch?.spanContext().spanId]);
      expect(span?.attributes['timeline.events']).toBe(n === 2 ? 2 : 1);
    }
  });

  it('makes a bounded number of spans', async () => {
    await inBatchSpan(
      'project x',
      {},
      Array.from({ length: 500 }, (_, n) => traceparent(n + 1)),
      work,
    );
    expect(spans()).toHaveLength(33);
    expect(spans().at(-1)?.attributes['timeline.traces']).toBe(500);
  });

  it('of nothing sampled makes none', async () => {
    await inBatchSpan('project x', {}, [undefined, traceparent(5, '00'), 'nonsense'], work);
    expect(spans()).toEqual([]);
  });

  it('that fails tells so in each trace', async () => {
    const failing = inBatchSpan('project x', {}, [traceparent(1), traceparent(2)], () =>
      Promise.reject(new Error('Ann')),
    );
    await expect(failing).rejects.toThrow('Ann');
    expect(spans().map(({ status, attributes }) => [status, attributes['error.type']])).toEqual(
      Array.from({ length: 3 }, () => [{ code: 2 }, 'Error']),
    );
  });
});

describe('what is published', () => {
  let events: EventStore;
  beforeAll(async () => (events = await openEventStore('sqlite::memory:')));
  afterAll(() => events.close());

  it('carries the trace of its command on, and shows in it', async () => {
    const event = eventOf({ customer: 'c', kind: 'public', number: 1 });
    const traced = { ...event, metadata: { ...event.metadata, traceparent: traceparent(9) } };
    await events.append('test-1', [traced], { expectedRevision: 'no-stream' });
    const without = eventOf({ customer: 'c', kind: 'public', number: 2 });
    await events.append('test-2', [without], { expectedRevision: 'no-stream' });
    const messages = new InProcessMessageLog();
    const relay = new Relay({ events, messages, mappings: [mapping('topic')], publicationName: 'traced' });
    relay.start();
    try {
      await until(() => inTrace(9).length > 0 && relay.status().published === 2);
    } finally {
      await relay.stop();
    }
    const [span] = inTrace(9);
    expect(span?.name).toBe('publish');
    expect(span?.parentSpanContext?.spanId).toBe(traceparent(9).slice(36, 52));
    const headers = (await held(messages, 'topic')).map((message) => message.headers);
    expect(headers.map((each) => each['ce_traceparent'])).toEqual([traceparent(9), undefined]);
  });
});
