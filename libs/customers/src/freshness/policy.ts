/** What a freshness policy says of a value, and when. Pure. */
import { addDays, type Instant } from '@timeline/kernel';
import type { FreshnessPolicy } from '../freshness.events.js';

/** The sooner of what holds for everybody and for the tier; `undefined`: the policy says nothing of this customer. */
export function daysBy(
  { everyDays, tiers }: Pick<FreshnessPolicy, 'everyDays' | 'tiers'>,
  tier: string | undefined,
): { days: number; tier?: string } | undefined {
  const ofTier = tier !== undefined && Object.hasOwn(tiers, tier) ? tiers[tier] : undefined;
  if (ofTier !== undefined && tier !== undefined && ofTier < (everyDays ?? Infinity)) return { days: ofTier, tier };
  return everyDays === undefined ? undefined : { days: everyDays };
}

/** Said or verified at or before this, a value is due at `now`. Never before the years that instants are of. */
export function dueSince(now: Instant, days: number): Instant {
  return addDays(now, -days);
}

const later = (a: Instant, b: Instant): Instant => (a < b ? b : a);

/** When the value falls due: not before somebody asked for it. */
export const dueAt = (since: Instant, days: number, setAt: Instant): Instant => later(addDays(since, days), setAt);
