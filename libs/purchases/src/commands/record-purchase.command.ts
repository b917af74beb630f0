/** Records a purchase. With `source` and `sourceId` it is recorded once, however often and by whatever way it is delivered. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  DeliveryDto,
  deliveryKeys,
  DomainCommand,
  Intake,
  type CommandOutcome,
  type CommandType,
  type IntakeKind,
  sharedDeliveryKeys,
} from '@timeline/deciding';
import { Check, Currency, DecimalAmount, Nested, NestedArray, OneOf, Optional, Text, violation } from '@timeline/http';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { purchaseDecider, type OrderedLine } from '../purchase.decider.js';
import { MAX_LINES, purchaseStream, QUANTITY } from './purchase-stream.js';

@Check(
  ({ amount, unitPrice }: PurchaseLineDto) =>
    (amount === undefined) === (unitPrice === undefined)
      ? [violation('', 'ONE_OF', 'give the amount of the line or its unitPrice, one of the two')]
      : [],
  { schema: { oneOf: [{ required: ['amount'] }, { required: ['unitPrice'] }] } },
)
export class PurchaseLineDto implements OrderedLine {
  /** Unique in the purchase; the line's index, from 0, where absent. */
  @Optional()
  @Text({ max: 60 })
  lineId?: string;

  @Text({ max: 100 })
  sku: string;

  @Text({ max: 200 })
  name: string;

  @Optional()
  @Text({ max: 100 })
  category?: string;

  @Optional()
  @Text({ max: 100 })
  subCategory?: string;

  /** Pieces or weight, up to four decimals. */
  @DecimalAmount(QUANTITY)
  quantity: string;

  /** What the line cost in all, discounts taken off. */
  @Optional()
  @DecimalAmount({ min: '0' })
  amount?: string;

  /** Of one; the line's amount is then `unitPrice · quantity − discount`, exactly. */
  @Optional()
  @DecimalAmount({ min: '0', maxPlaces: 6 })
  unitPrice?: string;

  /** In money, on the whole line. Where `amount` is given it is off already and only kept. */
  @Optional()
  @DecimalAmount({ min: '0' })
  discount?: string;
}

export class ShipToDto {
  @Optional()
  @Text({ max: 200 })
  city?: string;

  @Optional()
  @Text({ max: 100 })
  state?: string;

  @Optional()
  @Text({ max: 20 })
  postalCode?: string;

  @Optional()
  @Text({ max: 2, pattern: /^[A-Z]{2}$/, meaning: 'a country code of ISO 3166-1, such as US or CN' })
  country?: string;
}

export class RecordPurchaseData extends DeliveryDto {
  @Optional()
  @Text({ max: 100 })
  orderNumber?: string;

  @OneOf(CHANNELS)
  channel: Channel;

  @Currency()
  currency: string;

  @NestedArray(() => PurchaseLineDto, { min: 1, max: MAX_LINES })
  lines: PurchaseLineDto[];

  /** Paid beside the lines, part of the total. */
  @Optional()
  @DecimalAmount({ min: '0' })
  shipping?: string;

  /** Where prices do not hold it already. Paid beside the lines, part of the total. */
  @Optional()
  @DecimalAmount({ min: '0' })
  tax?: string;

  /** Kept sealed; `region` is what breakdowns see. */
  @Optional()
  @Nested(() => ShipToDto)
  shipTo?: ShipToDto;

  /** Coarse, e.g. `West`; never an address. */
  @Optional()
  @Text({ max: 100 })
  region?: string;
}

export class RecordPurchase extends DomainCommand<RecordPurchaseData> {}

const purchases: IntakeKind = { name: 'purchase', stream: purchaseStream };

export const recordPurchase: CommandType<RecordPurchaseData> = {
  name: 'RecordPurchase',
  data: RecordPurchaseData,
  command: RecordPurchase,
  target: () => '',
  keys: (data) => deliveryKeys(purchases, data),
  sharedKeys: sharedDeliveryKeys,
};

@CommandHandler(RecordPurchase)
export class RecordPurchaseHandler implements ICommandHandler<RecordPurchase> {
  constructor(private readonly intake: Intake) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, PURCHASE_CONFLICT, and what the decider refuses of the lines */
  execute({ data, context }: RecordPurchase): Promise<CommandOutcome> {
    const { customer: _customer, source: _source, occurredAt, shipTo, ...recorded } = data;
    return this.intake.take(purchases, purchaseDecider, data, context, ({ id, customerId, payloadHash }) => ({
      type: 'record' as const,
      customerId,
      data: { ...recorded, purchaseId: id, ...(payloadHash !== undefined && { payloadHash }) },
      ...(shipTo && { shipTo: { ...shipTo } }),
      ...(occurredAt !== undefined && { occurredAt }),
    }));
  }
}
