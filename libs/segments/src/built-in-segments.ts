/** The segments that ship with the product: what each means, in words and in numbers. */
import type { SegmentId } from './segments.events.js';

export const BUILT_IN_SEGMENTS = [
  { id: 'new', name: 'New', description: 'First seen in the last 30 days' },
  { id: 'active', name: 'Active', description: 'An interaction or a purchase in the last 90 days' },
  { id: 'at-risk', name: 'At risk', description: 'Active once, no interaction or purchase for 180 days' },
  {
    id: 'vip',
    name: 'VIP',
    description: 'Purchases, less returns and cancellations, of 5,000 or more in one currency in the last 365 days',
  },
  { id: 'promoter', name: 'Promoters', description: 'Latest NPS answer 9 or 10' },
  { id: 'detractor', name: 'Detractors', description: 'Latest NPS answer 0 to 6' },
] as const satisfies readonly { id: SegmentId; name: string; description: string }[];

export const NEW_DAYS = 30;
export const ACTIVE_DAYS = 90;
export const AT_RISK_DAYS = 180;
export const VIP_DAYS = 365;
export const VIP_AMOUNT = '5000';
