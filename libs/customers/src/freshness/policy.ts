/** What a freshness policy says of a value, and when. Pure. */
import { addDays, type Instant } from '@timeline/kernel';
import { SEGMENT_IDS, type SegmentId } from '../../../segments/src/segments.events.js';
import type { FreshnessPolicy } from '../freshness.events.js';

/** What policies tell customers apart by. */
export interface Kin {
  tier?: string;
  /** Since when in which. */
  segments?: Partial<Record<SegmentId, Instant>>;
}

interface Rule {
  days: number;
  tier?: string;
  segment?: SegmentId;
  /** Not before this does it say anything. */
  from?: Instant;
}

type Rules = Pick<FreshnessPolicy, 'everyDays' | 'tiers' | 'segments'>;

function rulesFor({ everyDays, tiers, segments = {} }: Rules, { tier, segments: within = {} }: Kin): Rule[] {
  const ofTier = tier !== undefined && Object.hasOwn(tiers, tier) ? tiers[tier] : undefined;
  return [
    ...(everyDays === undefined ? [] : [{ days: everyDays }]),
    ...(ofTier === undefined || tier === undefined ? [] : [{ days: ofTier, tier }]),
    ...SEGMENT_IDS.flatMap((segment): Rule[] => {
      const [days, from] = [segments[segment], within[segment]];
      return days === undefined || from === undefined ? [] : [{ days, segment, from }];
    }),
  ];
}

/** How long a value is fresh, by the shortest of what holds for the customer; `undefined`: the policy says nothing. */
export function daysBy(policy: Rules, kin: Kin): number | undefined {
  const days = rulesFor(policy, kin).map((rule) => rule.days);
  return days.length === 0 ? undefined : Math.min(...days);
}

/** Said or verified at or before this, a value is due at `now`. Never before the years that instants are of. */
export function dueSince(now: Instant, days: number): Instant {
  return addDays(now, -days);
}

/**
 * By which rule a value of `since` falls due first, and when: not before somebody asked for it, by a segment's not before
 * the customer entered that.
 */
export function firstDue(
  policy: Rules & { setAt: Instant },
  kin: Kin,
  since: Instant,
): (Omit<Rule, 'from'> & { at: Instant }) | undefined {
  return rulesFor(policy, kin)
    .map(({ from = policy.setAt, ...rule }) => ({ ...rule, at: latest(addDays(since, rule.days), policy.setAt, from) }))
    .reduce<(Omit<Rule, 'from'> & { at: Instant }) | undefined>(
      (first, rule) =>
        !first || rule.at < first.at || (rule.at === first.at && rule.days < first.days) ? rule : first,
      undefined,
    );
}

const latest = (...instants: Instant[]): Instant => instants.reduce((a, b) => (a < b ? b : a));
