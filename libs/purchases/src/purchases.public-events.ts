/** How purchases look to downstream systems. Where they were sent to is not told; the region is. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import type { PurchaseEvent } from './purchases.events.js';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const decimal = { type: 'string', pattern: '^\\d{1,18}(\\.\\d{1,10})?$', description: 'exact decimal' };
const currency = { type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217' };

const RECORDED: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A customer bought something',
  type: 'object',
  properties: {
    purchaseId: uuid,
    customerId: uuid,
    orderNumber: text,
    channel: text,
    currency,
    lines: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: {
          lineId: text,
          sku: text,
          name: text,
          category: text,
          subCategory: text,
          quantity: decimal,
          amount: { ...decimal, description: 'what the line cost in all, discounts taken off' },
          discount: decimal,
        },
        required: ['lineId', 'sku', 'name', 'quantity', 'amount'],
        additionalProperties: false,
      },
    },
    total: { ...decimal, description: 'sum of the lines' },
    region: text,
    sourceId: text,
  },
  required: ['purchaseId', 'customerId', 'channel', 'currency', 'lines', 'total'],
  additionalProperties: false,
};

const RETURNED: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A purchase was returned, whole or in parts',
  type: 'object',
  properties: {
    purchaseId: uuid,
    customerId: uuid,
    returnId: uuid,
    purchasedAt: { type: 'string', format: 'date-time' },
    currency,
    lines: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { lineId: text, quantity: decimal, amount: decimal },
        required: ['lineId', 'quantity', 'amount'],
        additionalProperties: false,
      },
    },
    total: { ...decimal, description: 'what is paid back' },
    complete: { type: 'boolean', description: 'nothing of the purchase is left' },
    reason: text,
  },
  required: ['purchaseId', 'customerId', 'returnId', 'purchasedAt', 'currency', 'lines', 'total', 'complete'],
  additionalProperties: false,
};

export const purchasesPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.purchases',
  schemas: {
    'purchases.purchase-recorded': { version: 1, schema: RECORDED },
    'purchases.purchase-returned': { version: 1, schema: RETURNED },
  },

  map(event) {
    if (event.type !== 'PurchaseRecorded' && event.type !== 'PurchaseReturned') return undefined;
    // Of these types, in their newest shape.
    const { type, data, metadata } = event as Recorded<PurchaseEvent>;
    const { customerId } = metadata;
    if (type === 'PurchaseReturned') {
      return {
        type: 'purchases.purchase-returned',
        version: 1,
        subject: data.purchaseId,
        data: { ...data, lines: data.lines.map((line) => ({ ...line })), customerId },
      };
    }
    const { payloadHash: _, ...told } = data;
    return {
      type: 'purchases.purchase-recorded',
      version: 1,
      subject: data.purchaseId,
      data: { ...told, lines: told.lines.map((line) => ({ ...line })), customerId },
    };
  },
};
