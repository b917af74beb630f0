import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { deriveId } from '@timeline/kernel';
import { Playing, recorded } from '../../kernel/src/testing/playing.js';
import { purchaseDecider } from './purchase.decider.js';
import { purchasesPublicEvents } from './purchases.public-events.js';

describe('purchases as others see them', () => {
  it('are as their schemas say, and do not tell where they were sent to', () => {
    const ajv = new Ajv2020({ allErrors: true });
    formats.default(ajv);
    const purchaseId = deriveId('purchase');
    const playing = new Playing(purchaseDecider);
    const lines = [
      { sku: 'a', name: 'A', category: 'c', subCategory: 's', quantity: '2', unitPrice: '1.25', discount: '0.5' },
      { sku: 'b', name: 'B', quantity: '0.125', amount: '0' },
    ];
    const common = { purchaseId, orderNumber: '1', channel: 'web', currency: 'EUR', region: 'South', sourceId: 's' };
    playing.carryOut({
      type: 'record',
      customerId: deriveId('customer'),
      data: { ...common, lines, payloadHash: 'hash-of-secrets' },
      shipTo: { city: 'secret' },
    });
    playing.carryOut({ type: 'return', purchaseId, lines: [{ lineId: '0', quantity: '0.7' }] });
    playing.carryOut({ type: 'return', purchaseId, reason: 'broken' });
    const charged = new Playing(purchaseDecider);
    charged.carryOut({
      type: 'record',
      customerId: deriveId('customer'),
      data: { ...common, lines, shipping: '4.9', tax: '1', payloadHash: 'hash-of-secrets' },
    });
    charged.carryOut({ type: 'return', purchaseId, tax: '0.5' });
    const whole = new Playing(purchaseDecider);
    whole.carryOut({ type: 'record', customerId: deriveId('customer'), data: { ...common, lines, payloadHash: 'h' } });
    whole.carryOut({ type: 'cancel', purchaseId, reason: 'sold out' });
    const told = [...playing.events, ...charged.events, ...whole.events].map(
      ({ type, data, personal: _, ...recording }) => {
        const fact = purchasesPublicEvents.map({ ...recording, type, data });
        if (!fact) throw new Error('a purchase is not told');
        const validate = ajv.compile(purchasesPublicEvents.schemas[fact.type]?.schema ?? false);
        validate(fact.data);
        expect(validate.errors).toBeNull();
        expect(fact).toMatchObject({ subject: purchaseId, data: { customerId: deriveId('customer') } });
        expect(JSON.stringify(fact)).not.toContain('secret');
        return fact.type;
      },
    );
    expect([...new Set(told)]).toEqual([
      'purchases.purchase-recorded',
      'purchases.purchase-returned',
      'purchases.purchase-cancelled',
    ]);
  });

  it('leave facts of other slices alone', () =>
    expect(purchasesPublicEvents.map(recorded({ type: 'PointsEarned', data: {} }))).toBeUndefined());
});
