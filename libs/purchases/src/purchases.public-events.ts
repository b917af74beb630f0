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
          unitPrice: decimal,
          amount: { ...decimal, description: 'what the line cost in all, discounts taken off' },
          discount: decimal,
        },
        required: ['lineId', 'sku', 'name', 'quantity', 'amount'],
        additionalProperties: false,
      },
    },
    shipping: decimal,
    tax: decimal,
    total: { ...decimal, description: 'sum of the lines, shipping and tax' },
    region: text,
    sourceId: text,
  },
  required: ['purchaseId', 'customerId', 'channel', 'currency', 'lines', 'total'],
  additionalProperties: false,
};

const returnedLines: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    properties: { lineId: text, category: text, quantity: decimal, amount: decimal },
    required: ['lineId', 'quantity', 'amount'],
    additionalProperties: false,
  },
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
    lines: returnedLines,
    shipping: decimal,
    tax: decimal,
    total: { ...decimal, description: 'what is paid back' },
    complete: { type: 'boolean', description: 'nothing of the purchase is left' },
    reason: text,
  },
  required: ['purchaseId', 'customerId', 'returnId', 'purchasedAt', 'currency', 'lines', 'total', 'complete'],
  additionalProperties: false,
};

const CANCELLED: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A purchase was cancelled as a whole: it counts nowhere from then on',
  type: 'object',
  properties: {
    purchaseId: uuid,
    customerId: uuid,
    purchasedAt: { type: 'string', format: 'date-time' },
    currency,
    lines: returnedLines,
    total: { ...decimal, description: 'what the purchase came to' },
    reason: text,
  },
  required: ['purchaseId', 'customerId', 'purchasedAt', 'currency', 'lines', 'total'],
  additionalProperties: false,
};

export const purchasesPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.purchases',
  schemas: {
    'purchases.purchase-recorded': { version: 2, schema: RECORDED },
    'purchases.purchase-returned': { version: 2, schema: RETURNED },
    'purchases.purchase-cancelled': { version: 1, schema: CANCELLED },
  },

  map(event) {
    if (!TYPES.has(event.type)) return undefined;
    // Of these types, in their newest shape.
    const { type, data, metadata } = event as Recorded<PurchaseEvent>;
    const { customerId } = metadata;
    const subject = data.purchaseId;
    switch (type) {
      case 'PurchaseRecorded': {
        const { payloadHash: _, lines, ...told } = data;
        const shown = { ...told, lines: lines.map((line) => ({ ...line })), customerId };
        return { type: 'purchases.purchase-recorded', version: 2, subject, data: shown };
      }
      case 'PurchaseReturned': {
        const shown = { ...data, lines: data.lines.map((line) => ({ ...line })), customerId };
        return { type: 'purchases.purchase-returned', version: 2, subject, data: shown };
      }
      case 'PurchaseCancelled': {
        const shown = { ...data, lines: data.lines.map((line) => ({ ...line })), customerId };
        return { type: 'purchases.purchase-cancelled', version: 1, subject, data: shown };
      }
    }
  },
};

const TYPES: ReadonlySet<string> = new Set<PurchaseEvent['type']>([
  'PurchaseRecorded',
  'PurchaseReturned',
  'PurchaseCancelled',
]);
