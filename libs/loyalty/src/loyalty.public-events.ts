/** How the points ledger looks to downstream systems. */
import type { JsonObject, Recorded } from '@timeline/kernel';
import type { PublicEventMapping } from '@timeline/relaying';
import type { LoyaltyEvent } from './loyalty.events.js';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const instant = { type: 'string', format: 'date-time' };
const points = { type: 'integer', minimum: 1 };
const balance = { type: 'integer', minimum: 0, description: 'what could be spent after it, at its time' };

const EARNED: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A customer earned points',
  type: 'object',
  properties: { customerId: uuid, lotId: uuid, points, reason: text, purchaseId: uuid, expiresAt: instant, balance },
  required: ['customerId', 'lotId', 'points', 'reason', 'balance'],
  additionalProperties: false,
};

const SPENT: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A customer spent points',
  type: 'object',
  properties: {
    customerId: uuid,
    redemptionId: uuid,
    points,
    reason: text,
    lots: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { lotId: uuid, points, expiresAt: instant },
        required: ['lotId', 'points'],
        additionalProperties: false,
      },
    },
    balance,
  },
  required: ['customerId', 'redemptionId', 'points', 'reason', 'lots', 'balance'],
  additionalProperties: false,
};

export const loyaltyPublicEvents: PublicEventMapping = {
  topic: 'customer-timeline.loyalty',
  schemas: {
    'loyalty.points-earned': { version: 1, schema: EARNED },
    'loyalty.points-spent': { version: 1, schema: SPENT },
  },

  map(event) {
    if (event.type !== 'PointsEarned' && event.type !== 'PointsSpent') return undefined;
    // Of these types, in their newest shape.
    const { type, data, metadata } = event as Recorded<LoyaltyEvent>;
    const { customerId } = metadata;
    if (type === 'PointsEarned') {
      return { type: 'loyalty.points-earned', version: 1, subject: data.lotId, data: { ...data, customerId } };
    }
    return {
      type: 'loyalty.points-spent',
      version: 1,
      subject: data.redemptionId,
      data: { ...data, lots: data.lots.map((lot) => ({ ...lot })), customerId },
    };
  },
};
