import fc from 'fast-check';
import {
  addDecimals,
  compareDecimals,
  DomainError,
  normalDecimal,
  subtractDecimals,
  sumDecimals,
} from '@timeline/kernel';
import { given, NOON, Playing } from '../../kernel/src/testing/playing.js';
import {
  purchaseDecider,
  type LineToReturn,
  type OrderedLine,
  type PurchaseCancellation,
  type PurchaseCommand,
  type PurchaseIntake,
  type PurchaseReturn,
} from './purchase.decider.js';
import type { PurchaseEvent } from './purchases.events.js';

const order = (lines: OrderedLine[], more: Partial<PurchaseIntake> = {}, payloadHash = 'hash-1'): PurchaseIntake => ({
  type: 'record',
  customerId: 'customer-1',
  data: { purchaseId: 'purchase-1', orderNumber: 'CA-152156', channel: 'web', currency: 'USD', lines, payloadHash },
  ...more,
});
const back = (lines?: LineToReturn[]): PurchaseReturn => ({
  type: 'return',
  purchaseId: 'purchase-1',
  ...(lines && { lines }),
});
const line = (more: Partial<OrderedLine> = {}): OrderedLine => ({
  sku: 'FUR-1',
  name: 'Bookcase',
  quantity: '2',
  amount: '261.96',
  ...more,
});

const played = (
  ...lines: OrderedLine[]
): Playing<typeof purchaseDecider.initialState, PurchaseCommand, PurchaseEvent> => {
  const playing = new Playing(purchaseDecider);
  playing.carryOut(order(lines));
  return playing;
};
const lastReturn = (playing: { events: readonly PurchaseEvent[] }) => {
  const event = playing.events.at(-1);
  if (event?.type !== 'PurchaseReturned') throw new Error('nothing was returned');
  return event.data;
};

describe('recording a purchase', () => {
  it('adds up exactly, to the last of four decimals', () =>
    given(purchaseDecider)
      .when(
        order([
          line({ amount: '957.5775' }),
          line({ sku: 'OFF-2', amount: '22.368' }),
          line({ sku: 'OFF-3', amount: '0.1' }),
        ]),
      )
      .then(([purchase]) =>
        expect(purchase?.data).toMatchObject({
          total: '980.0455',
          lines: [{ lineId: '0' }, { lineId: '1' }, { lineId: '2' }],
        }),
      ));

  it('makes the amount of a line of unit price, quantity and discount', () =>
    given(purchaseDecider)
      .when(order([line({ amount: undefined, unitPrice: '0.1', quantity: '3', discount: '0.05' })]))
      .then(([purchase]) =>
        expect(purchase?.data).toMatchObject({ total: '0.25', lines: [{ amount: '0.25', discount: '0.05' }] }),
      ));

  it('takes an amount as it is, its discount being off already', () =>
    given(purchaseDecider)
      .when(order([line({ amount: '90.50', discount: '10' })]))
      .then(([purchase]) => expect(purchase?.data).toMatchObject({ total: '90.5' })));

  it('writes one value in one way', () =>
    given(purchaseDecider)
      .when(order([line({ quantity: '02.0', amount: '007.50' })]))
      .then(([purchase]) => expect(purchase?.data).toMatchObject({ lines: [{ quantity: '2', amount: '7.5' }] })));

  it('seals where it goes to and keeps the region for breakdowns', () =>
    given(purchaseDecider)
      .when(order([line()], { shipTo: { city: 'Henderson', country: 'US' } }))
      .then(([purchase]) => {
        expect(purchase?.type === 'PurchaseRecorded' && purchase.personal).toEqual({
          shipTo: { city: 'Henderson', country: 'US' },
        });
        expect(purchase?.channel).toBe('web');
      }));

  it.each([
    ['both amount and unit price', { unitPrice: '1' }, 'AMOUNT_OR_UNIT_PRICE'],
    ['neither amount nor unit price', { amount: undefined }, 'AMOUNT_OR_UNIT_PRICE'],
    [
      'a discount above the price',
      { amount: undefined, unitPrice: '1', quantity: '2', discount: '2.01' },
      'DISCOUNT_TOO_LARGE',
    ],
    ['no quantity', { quantity: '0' }, 'QUANTITY_NOT_POSITIVE'],
    [
      'an amount that no sum can hold',
      { amount: undefined, unitPrice: '999999999999', quantity: '9999999' },
      'AMOUNT_OUT_OF_RANGE',
    ],
  ])('refuses %s and points at the line', (_, more, code) => {
    expect(() => new Playing(purchaseDecider).carryOut(order([line(), line(more)]))).toThrow(
      expect.objectContaining({
        code,
        details: expect.objectContaining({ pointer: expect.stringMatching(/^\/lines\/1/) }),
      }),
    );
  });

  it('refuses two lines with one id, defaults included', () => {
    given(purchaseDecider)
      .when(order([line({ lineId: 'a' }), line({ lineId: 'a' })]))
      .then('DUPLICATE_LINE');
    given(purchaseDecider)
      .when(order([line({ lineId: '1' }), line()]))
      .then('DUPLICATE_LINE');
  });

  it('changes nothing when the source delivers it again, also after a return', () => {
    const playing = played(line());
    playing.carryOut(back());
    expect(playing.carryOut(order([line()]))).toEqual([]);
  });

  it('takes the same said in another way for the same', () => {
    const playing = played(line({ quantity: '2', amount: '3' }));
    expect(
      playing.carryOut(order([line({ quantity: '2.0', amount: undefined, unitPrice: '1.5' })], {}, 'hash-2')),
    ).toEqual([]);
  });

  it('refuses another payload under the same source id and names what differs', () => {
    const playing = played(line());
    const other = order([line({ amount: '1' })], { shipTo: { city: 'Fort Lauderdale' } }, 'hash-2');
    expect(() => playing.carryOut(other)).toThrow(
      expect.objectContaining({
        code: 'PURCHASE_CONFLICT',
        details: { differing: ['/lines/0/amount', '/shipTo'], id: expect.any(String) },
      }),
    );
  });
});

describe('returning a purchase', () => {
  it('gives back all that is left where no lines are named', () => {
    const playing = played(line({ lineId: 'a' }), line({ lineId: 'b', quantity: '3', amount: '10' }));
    playing.carryOut(back([{ lineId: 'b', quantity: '1' }]));
    playing.carryOut(back());
    expect(lastReturn(playing)).toMatchObject({
      lines: [
        { lineId: 'a', quantity: '2', amount: '261.96' },
        { lineId: 'b', quantity: '2', amount: '6.6667' },
      ],
      total: '268.6267',
      complete: true,
      purchasedAt: NOON,
      currency: 'USD',
    });
  });

  it('divides an amount that does not divide without losing or making a ten-thousandth', () => {
    const playing = played(line({ quantity: '3', amount: '10' }));
    const shares = ['1', '1', '1'].map((quantity) => {
      playing.carryOut(back([{ lineId: '0', quantity }]));
      return lastReturn(playing).total;
    });
    expect(shares).toEqual(['3.3333', '3.3334', '3.3333']);
  });

  it('takes an amount that is named, and the share of the rest does not make up for it', () => {
    const playing = played(line({ quantity: '2', amount: '100' }));
    playing.carryOut(back([{ lineId: '0', quantity: '1', amount: '40' }]));
    playing.carryOut(back());
    expect(lastReturn(playing)).toMatchObject({ total: '50', complete: true });
  });

  it('never pays back more than was paid, whatever was paid back before', () => {
    const playing = played(line({ quantity: '2', amount: '100' }));
    playing.carryOut(back([{ lineId: '0', quantity: '1', amount: '70' }]));
    expect(() => playing.carryOut(back([{ lineId: '0', quantity: '1', amount: '30.01' }]))).toThrow(
      expect.objectContaining({ code: 'RETURN_EXCEEDS_PURCHASE', details: { pointer: '/lines/0/amount', left: '30' } }),
    );
    playing.carryOut(back());
    expect(lastReturn(playing).total).toBe('30');
  });

  it('is refused beyond what was bought, over several returns', () => {
    const playing = played(line({ quantity: '2' }));
    playing.carryOut(back([{ lineId: '0', quantity: '1.5' }]));
    expect(() => playing.carryOut(back([{ lineId: '0', quantity: '0.6' }]))).toThrow(
      expect.objectContaining({
        code: 'RETURN_EXCEEDS_PURCHASE',
        details: { pointer: '/lines/0/quantity', left: '0.5' },
      }),
    );
  });

  it('is refused for a purchase that is not there, a line that it has not, a line named twice, no quantity, nothing left', () => {
    const bought = order([line()]);
    const facts = new Playing(purchaseDecider).carryOut(bought);
    given(purchaseDecider).when(back()).then('PURCHASE_NOT_FOUND');
    given(purchaseDecider, facts)
      .when(back([{ lineId: 'x', quantity: '1' }]))
      .then('UNKNOWN_LINE');
    given(purchaseDecider, facts)
      .when(
        back([
          { lineId: '0', quantity: '1' },
          { lineId: '0', quantity: '1' },
        ]),
      )
      .then('DUPLICATE_LINE');
    given(purchaseDecider, facts)
      .when(back([{ lineId: '0', quantity: '0' }]))
      .then('QUANTITY_NOT_POSITIVE');
    given(purchaseDecider, facts).when(back(), { numberOfTimes: 2 }).then('PURCHASE_FULLY_RETURNED');
  });
});

describe('shipping and tax', () => {
  const withCharges = () => {
    const playing = new Playing(purchaseDecider);
    const { data, ...rest } = order([line({ quantity: '2', amount: '100' })]);
    playing.carryOut({ ...rest, data: { ...data, shipping: '4.90', tax: '8.025' } });
    return playing;
  };

  it('are part of the total, exactly', () =>
    expect(withCharges().events[0]?.data).toMatchObject({ total: '112.925', shipping: '4.9', tax: '8.025' }));

  it('come back with all that is left, or by the amounts that are named, with lines or without', () => {
    const playing = withCharges();
    playing.carryOut({ ...back(), tax: '3' });
    expect(lastReturn(playing)).toMatchObject({ lines: [], tax: '3', total: '3', complete: false });
    playing.carryOut({ ...back([{ lineId: '0', quantity: '1' }]), tax: '1.025' });
    expect(lastReturn(playing)).toMatchObject({ total: '51.025', complete: false });
    playing.carryOut(back());
    expect(lastReturn(playing)).toMatchObject({ shipping: '4.9', tax: '4', total: '58.9', complete: true });
    expect(() => playing.carryOut(back())).toThrow(expect.objectContaining({ code: 'PURCHASE_FULLY_RETURNED' }));
  });

  it('are of what is left of a purchase whose lines are all back', () => {
    const playing = withCharges();
    playing.carryOut(back([{ lineId: '0', quantity: '2' }]));
    expect(lastReturn(playing)).toMatchObject({ total: '100', complete: false });
    playing.carryOut({ ...back(), shipping: '4.9' });
    expect(lastReturn(playing)).toMatchObject({ total: '4.9', complete: false });
    playing.carryOut({ ...back(), tax: '8.025' });
    expect(lastReturn(playing)).toMatchObject({ total: '8.025', complete: true });
    expect(() => playing.carryOut(back())).toThrow(expect.objectContaining({ code: 'PURCHASE_FULLY_RETURNED' }));
  });

  it('are not paid back beyond what was paid', () => {
    const playing = withCharges();
    playing.carryOut({ ...back(), shipping: '4' });
    for (const [name, amount, left] of [
      ['shipping', '0.91', '0.9'],
      ['tax', '8.026', '8.025'],
    ] as const) {
      expect(() => playing.carryOut({ ...back(), [name]: amount })).toThrow(
        expect.objectContaining({ code: 'RETURN_EXCEEDS_PURCHASE', details: { pointer: `/${name}`, left } }),
      );
    }
    const plain = played(line());
    expect(() => plain.carryOut({ ...back(), tax: '0.01' })).toThrow(
      expect.objectContaining({ code: 'RETURN_EXCEEDS_PURCHASE' }),
    );
  });

  it('are compared when a source delivers the purchase again', () => {
    const playing = withCharges();
    const { data, ...rest } = order([line({ quantity: '2', amount: '100' })], {}, 'hash-2');
    expect(playing.carryOut({ ...rest, data: { ...data, shipping: '4.9', tax: '8.0250' } })).toEqual([]);
    expect(() => playing.carryOut({ ...rest, data })).toThrow(
      expect.objectContaining({ details: { differing: ['/shipping', '/tax'], id: expect.any(String) } }),
    );
  });
});

describe('cancelling a purchase', () => {
  const cancel: PurchaseCancellation = { type: 'cancel', purchaseId: 'purchase-1', reason: 'out of stock' };

  it('tells the whole of it, so that nobody has to look it up', () => {
    const playing = played(line({ category: 'Furniture' }), line({ sku: 'B', amount: '0.04' }));
    playing.carryOut(cancel);
    expect(playing.events.at(-1)).toMatchObject({
      type: 'PurchaseCancelled',
      data: {
        purchasedAt: NOON,
        currency: 'USD',
        lines: [
          { lineId: '0', category: 'Furniture', quantity: '2', amount: '261.96' },
          { lineId: '1', quantity: '2', amount: '0.04' },
        ],
        total: '262',
        reason: 'out of stock',
      },
    });
  });

  it('is refused for a purchase that is not there, of which something came back, or that is cancelled already', () => {
    const facts = new Playing(purchaseDecider).carryOut(order([line()]));
    given(purchaseDecider).when(cancel).then('PURCHASE_NOT_FOUND');
    given(purchaseDecider, facts).when(cancel, { numberOfTimes: 2 }).then('PURCHASE_CANCELLED');
    for (const pieces of [[{ lineId: '0', quantity: '1' }], undefined]) {
      const playing = played(line());
      playing.carryOut(back(pieces));
      expect(() => playing.carryOut(cancel)).toThrow(expect.objectContaining({ code: 'PURCHASE_HAS_RETURNS' }));
    }
  });

  it('leaves nothing to return, and another delivery of the purchase changes nothing', () => {
    const playing = played(line());
    playing.carryOut(cancel);
    expect(() => playing.carryOut(back())).toThrow(expect.objectContaining({ code: 'PURCHASE_CANCELLED' }));
    expect(playing.carryOut(order([line()]))).toEqual([]);
  });
});

/** Decimals of the sizes that sources send: up to four places, quantities whole or by weight. */
const decimal = (max: number, places: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat(max), fc.nat(10 ** places - 1))
    .map(([whole, rest]) => normalDecimal(`${whole}.${String(rest).padStart(places, '0')}`));
const quantity = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map(String),
  decimal(50, 3).filter((value) => value !== '0'),
);
const bought = fc.array(fc.record({ quantity, amount: decimal(5_000, 4) }), { minLength: 1, maxLength: 4 });
/** Of which line, how much of what is left (in thousandths; more than 1000 is too much), and how much is paid back. */
const returning = fc.record({
  line: fc.nat(3),
  thousandths: fc.integer({ min: 1, max: 1_100 }),
  amount: fc.option(decimal(6_000, 4), { nil: undefined, freq: 3 }),
});

describe('any purchase under any returns', () => {
  const play = (
    lines: { quantity: string; amount: string }[],
    returns: { line: number; thousandths: number; amount?: string | undefined }[],
  ) => {
    const playing = played(...lines.map((each) => line(each)));
    const left = lines.map((each) => ({ ...each }));
    for (const { line: at, thousandths, amount } of returns) {
      const index = at % lines.length;
      const rest = left[index];
      if (!rest || rest.quantity === '0') continue;
      const part = (Number(rest.quantity) * thousandths) / 1_000;
      const wanted = thousandths === 1_000 ? rest.quantity : normalDecimal(part.toFixed(4));
      try {
        playing.carryOut(back([{ lineId: String(index), quantity: wanted, ...(amount !== undefined && { amount }) }]));
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        continue;
      }
      for (const given of lastReturn(playing).lines) {
        rest.quantity = subtractDecimals(rest.quantity, given.quantity);
        rest.amount = subtractDecimals(rest.amount, given.amount);
      }
    }
    return { playing, left };
  };

  it('leaves no line below zero, and total is the sum of the lines', () => {
    fc.assert(
      fc.property(bought, fc.array(returning, { maxLength: 12 }), (lines, returns) => {
        const { playing, left } = play(lines, returns);
        for (const rest of left) {
          expect(compareDecimals(rest.quantity, '0')).toBeGreaterThanOrEqual(0);
          expect(compareDecimals(rest.amount, '0')).toBeGreaterThanOrEqual(0);
        }
        for (const event of playing.events) {
          expect(event.data.total).toBe(sumDecimals(event.data.lines.map(({ amount }) => amount)));
        }
      }),
    );
  });

  it('pays back exactly what was paid when all comes back by shares, however it was divided', () => {
    fc.assert(
      fc.property(bought, fc.array(returning, { maxLength: 12 }), (lines, returns) => {
        const { playing, left } = play(
          lines,
          returns.map(({ amount: _, ...each }) => each),
        );
        if (left.some((rest) => rest.quantity !== '0')) playing.carryOut(back());
        const returnedTotal = playing.events
          .filter((event) => event.type === 'PurchaseReturned')
          .reduce((sum, event) => addDecimals(sum, event.data.total), '0');
        expect(returnedTotal).toBe(playing.events[0]?.data.total);
        expect(lastReturn(playing).complete).toBe(true);
      }),
    );
  });
});
