import type { Recorded } from '@timeline/kernel';
import { makePosition } from '@timeline/kernel';
import { toCloudEvent } from './public-events.js';

const event: Recorded = {
  id: '6f1c24ab-5ee0-5f3e-8a3b-0b5f0c9a1d11',
  type: 'FeedbackCaseOpened',
  data: { topic: 'delivery' },
  stream: 'feedback-1',
  revision: 0,
  position: makePosition('0123456789ab', '0000000042'),
  recordedAt: '2026-03-01T10:00:05.000Z',
  metadata: {
    schemaVersion: 1,
    occurredAt: '2026-03-01T10:00:00.000Z',
    customerId: 'c-1',
    actor: 'agent-7',
    commandId: 'command-1',
    bodyHash: 'hash',
    correlationId: 'correlation-1',
    causationId: 'causation-1',
  },
};
const fact = { type: 'feedback.case-opened', version: 2, subject: 'feedback-1', data: { topic: 'delivery' } };

describe('a public event', () => {
  it('is a CloudEvent in Kafka’s binary mode, keyed by the source customer', () => {
    const message = toCloudEvent(event, fact, { topic: 'feedback' });
    expect(message).toEqual({
      topic: 'feedback',
      key: 'c-1',
      value: '{"topic":"delivery"}',
      headers: {
        ce_specversion: '1.0',
        ce_id: message.headers['ce_id'],
        ce_type: 'com.customer-timeline.feedback.case-opened.v2',
        ce_source: '/customer-timeline/logs/0123456789ab',
        ce_subject: 'feedback-1',
        ce_time: '2026-03-01T10:00:00.000Z',
        ce_dataschema: 'urn:customer-timeline:schema:feedback.case-opened.v2',
        ce_position: '0123456789ab:0000000042',
        ce_correlationid: 'correlation-1',
        ce_causationid: 'causation-1',
        'content-type': 'application/json',
      },
    });
    expect(
      Object.keys(message.headers).filter((name) => name.startsWith('ce_') && !/^ce_[a-z0-9]+$/.test(name)),
    ).toEqual([]);
  });

  it('keeps its id for good, and another fact of the same event has another', () => {
    const id = (type: string): string | undefined =>
      toCloudEvent(event, { ...fact, type }, { topic: 't' }).headers['ce_id'];
    expect(id('feedback.case-opened')).toBe('f5d72672-87ef-5f3f-9232-037c78833700');
    expect(id('feedback.case-noticed')).not.toBe(id('feedback.case-opened'));
  });

  it('is keyed by its subject where no customer is concerned', () => {
    const { customerId: _, ...metadata } = event.metadata;
    expect(toCloudEvent({ ...event, metadata }, fact, { topic: 'feedback' }).key).toBe('feedback-1');
  });

  it('leads to its schema where the base is set', () => {
    const { headers } = toCloudEvent(event, fact, { topic: 't', schemaBase: 'https://example.org/v1/schemas/' });
    expect(headers['ce_dataschema']).toBe('https://example.org/v1/schemas/feedback.case-opened.v2');
  });
});
