import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { addDays, deriveId } from '@timeline/kernel';
import { NOON, Playing, recorded } from '../../kernel/src/testing/playing.js';
import { loyaltyDecider } from './loyalty.decider.js';
import { loyaltyPublicEvents } from './loyalty.public-events.js';

describe('points as others see them', () => {
  it('are as their schemas say', () => {
    const ajv = new Ajv2020({ allErrors: true });
    formats.default(ajv);
    const customerId = deriveId('customer');
    const playing = new Playing(loyaltyDecider);
    const of = { customerId, reason: 'welcome' };
    playing.carryOut({ ...of, type: 'earn', points: 5, purchaseId: deriveId('purchase'), expiresAt: addDays(NOON, 1) });
    playing.carryOut({ ...of, type: 'earn', points: 5 });
    playing.carryOut({ ...of, type: 'spend', points: 10 });
    const told = playing.events.map((event) => {
      const fact = loyaltyPublicEvents.map(event);
      if (!fact) throw new Error('points are not told');
      const validate = ajv.compile(loyaltyPublicEvents.schemas[fact.type]?.schema ?? false);
      validate(fact.data);
      expect(validate.errors).toBeNull();
      expect(fact.data).toMatchObject({ customerId });
      return fact.type;
    });
    expect(told).toEqual(['loyalty.points-earned', 'loyalty.points-earned', 'loyalty.points-spent']);
  });

  it('leave facts of other slices alone', () =>
    expect(loyaltyPublicEvents.map(recorded({ type: 'PurchaseRecorded', data: {} }))).toBeUndefined());
});
