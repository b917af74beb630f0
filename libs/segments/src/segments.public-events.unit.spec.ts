import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { deriveId } from '@timeline/kernel';
import { NOON, recorded } from '../../kernel/src/testing/playing.js';
import type { SegmentEvent } from './segments.events.js';
import { segmentsPublicEvents } from './segments.public-events.js';

describe('memberships as others see them', () => {
  it('are as their schemas say', () => {
    const ajv = new Ajv2020({ allErrors: true });
    formats.default(ajv);
    const customerId = deriveId('customer');
    const facts: SegmentEvent[] = [
      { type: 'SegmentEntered', data: { segment: 'at-risk', at: NOON } },
      { type: 'SegmentLeft', data: { segment: 'at-risk', at: NOON } },
    ];
    const told = facts.map((fact) => {
      const event = segmentsPublicEvents.map(recorded(fact, { customerId }));
      if (!event) throw new Error('a membership is not told');
      const validate = ajv.compile(segmentsPublicEvents.schemas[event.type]?.schema ?? false);
      validate(event.data);
      expect(validate.errors).toBeNull();
      expect([event.subject, event.data]).toEqual([customerId, { customerId, segment: 'at-risk', at: NOON }]);
      return event.type;
    });
    expect(told).toEqual(['segments.segment-entered', 'segments.segment-left']);
  });

  it('leave facts of other slices alone', () =>
    expect(segmentsPublicEvents.map(recorded({ type: 'PurchaseRecorded', data: {} }))).toBeUndefined());
});
