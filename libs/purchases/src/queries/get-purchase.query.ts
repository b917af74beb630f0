/** One purchase by its id with what of it came back or that it was cancelled, folded from its stream. Amounts are exact decimals. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { EntityStreams } from '@timeline/deciding';
import { Currency, DecimalAmount, Flag, Id, Instant, Nested, NestedArray, OneOf, Optional, Text } from '@timeline/http';
import { addDecimals, DomainError, sumDecimals, type Position, type Recorded } from '@timeline/kernel';
import { purchaseStream } from '../commands/purchase-stream.js';
import { ShipToDto } from '../commands/record-purchase.command.js';
import {
  PURCHASE_STATUSES,
  statusAfterReturn,
  type PurchaseEvent,
  type PurchaseStatus,
  type ReturnedLine,
} from '../purchases.events.js';

export class ReturnedLineView implements ReturnedLine {
  @Text()
  lineId: string;
  @Optional()
  @Text()
  category?: string;
  @DecimalAmount({ min: '0' })
  quantity: string;
  @DecimalAmount({ min: '0' })
  amount: string;
}

export class ReturnView {
  @Id()
  returnId: string;
  @Instant()
  occurredAt: string;
  @NestedArray(() => ReturnedLineView)
  lines: ReturnedLineView[];
  @Optional()
  @DecimalAmount({ min: '0' })
  shipping?: string;
  @Optional()
  @DecimalAmount({ min: '0' })
  tax?: string;
  /** What was paid back. */
  @DecimalAmount({ min: '0' })
  total: string;
  @Optional()
  @Text()
  reason?: string;
}

export class PurchaseLineView {
  @Text()
  lineId: string;
  @Text()
  sku: string;
  @Text()
  name: string;
  @Optional()
  @Text()
  category?: string;
  @Optional()
  @Text()
  subCategory?: string;
  @DecimalAmount({ min: '0' })
  quantity: string;
  @Optional()
  @DecimalAmount({ min: '0' })
  unitPrice?: string;
  /** What the line cost in all, discounts taken off. */
  @DecimalAmount({ min: '0' })
  amount: string;
  @Optional()
  @DecimalAmount({ min: '0' })
  discount?: string;
  /** Of the quantity, over all returns. */
  @DecimalAmount({ min: '0' })
  quantityReturned: string;
  /** Of the amount, over all returns. */
  @DecimalAmount({ min: '0' })
  amountReturned: string;
}

export class CancellationView {
  @Instant()
  occurredAt: string;
  @Optional()
  @Text()
  reason?: string;
}

export class PurchaseView {
  @Id()
  purchaseId: string;
  /** Under which it came in, merged or not. */
  @Id()
  customerId: string;
  @Optional()
  @Text()
  orderNumber?: string;
  @Text()
  channel: string;
  @Currency()
  currency: string;
  @NestedArray(() => PurchaseLineView)
  lines: PurchaseLineView[];
  @Optional()
  @DecimalAmount({ min: '0' })
  shipping?: string;
  @Optional()
  @DecimalAmount({ min: '0' })
  tax?: string;
  /** Sum of the lines, shipping and tax. */
  @DecimalAmount({ min: '0' })
  total: string;
  /** Paid back, over all returns. */
  @DecimalAmount({ min: '0' })
  returned: string;
  /** Of no line anything is left to return. */
  @Flag()
  fullyReturned: boolean;
  @OneOf(PURCHASE_STATUSES)
  status: PurchaseStatus;
  /** Counts nowhere since then. */
  @Optional()
  @Nested(() => CancellationView)
  cancelled?: CancellationView;
  /** In the order in which they were recorded. */
  @NestedArray(() => ReturnView)
  returns: ReturnView[];
  @Optional()
  @Nested(() => ShipToDto)
  shipTo?: ShipToDto;
  @Optional()
  @Text()
  region?: string;
  @Optional()
  @Text()
  source?: string;
  @Optional()
  @Text()
  sourceId?: string;
  @Instant()
  occurredAt: string;
  @Instant()
  recordedAt: string;
}

export interface FoundPurchase {
  view: PurchaseView;
  revision: number;
  position: Position | undefined;
}

export class GetPurchase extends Query<FoundPurchase> {
  constructor(
    readonly purchaseId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetPurchase)
export class GetPurchaseHandler implements IQueryHandler<GetPurchase> {
  constructor(private readonly streams: EntityStreams) {}

  /** @throws DomainError PURCHASE_NOT_FOUND, CUSTOMER_ERASED */
  async execute({ purchaseId, position }: GetPurchase): Promise<FoundPurchase> {
    const found = await this.streams.read<PurchaseEvent>(purchaseStream(purchaseId), position);
    const view = found && viewOf(found.events);
    if (!view) throw new DomainError('PURCHASE_NOT_FOUND', `there is no purchase ${purchaseId}; check the id`);
    return { view, revision: found.revision, position: found.position };
  }
}

function viewOf(events: readonly Recorded<PurchaseEvent>[]): PurchaseView | undefined {
  let view: PurchaseView | undefined;
  for (const event of events) {
    if (event.type === 'PurchaseRecorded') view = recorded(event);
    else if (view) view = event.type === 'PurchaseReturned' ? withReturn(view, event) : cancelled(view, event);
  }
  return view;
}

function recorded(event: Recorded<Extract<PurchaseEvent, { type: 'PurchaseRecorded' }>>): PurchaseView {
  const { payloadHash: _hash, lines, ...told } = event.data;
  const { customerId = '', source, occurredAt } = event.metadata;
  return {
    ...told,
    ...event.personal,
    customerId,
    lines: lines.map((line) => ({ ...line, quantityReturned: '0', amountReturned: '0' })),
    returned: '0',
    fullyReturned: false,
    status: 'bought',
    returns: [],
    ...(source !== undefined && { source }),
    occurredAt,
    recordedAt: event.recordedAt,
  };
}

function withReturn(
  view: PurchaseView,
  { data, metadata }: Recorded<Extract<PurchaseEvent, { type: 'PurchaseReturned' }>>,
): PurchaseView {
  const { returnId, lines, shipping, tax, total, complete, reason } = data;
  const back = new Map(lines.map((line) => [line.lineId, line]));
  const { occurredAt } = metadata;
  const returns = [
    ...view.returns,
    {
      returnId,
      occurredAt,
      lines,
      ...(shipping !== undefined && { shipping }),
      ...(tax !== undefined && { tax }),
      total,
      ...(reason !== undefined && { reason }),
    },
  ];
  return {
    ...view,
    lines: view.lines.map((line) => {
      const { quantity, amount } = back.get(line.lineId) ?? { quantity: '0', amount: '0' };
      return {
        ...line,
        quantityReturned: addDecimals(line.quantityReturned, quantity),
        amountReturned: addDecimals(line.amountReturned, amount),
      };
    }),
    returned: sumDecimals(returns.map((each) => each.total)),
    fullyReturned: complete,
    status: statusAfterReturn(complete),
    returns,
  };
}

function cancelled(
  view: PurchaseView,
  { data: { reason }, metadata: { occurredAt } }: Recorded<Extract<PurchaseEvent, { type: 'PurchaseCancelled' }>>,
): PurchaseView {
  return { ...view, status: 'cancelled', cancelled: { occurredAt, ...(reason !== undefined && { reason }) } };
}
