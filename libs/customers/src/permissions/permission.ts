/**
 * May this customer be contacted for purpose P by channel C at instant T? Pure. Yes needs a consent to the purpose, for the
 * channel or, where there is none of its own, for all channels; a preference can only refuse. What was said holds until
 * something else is said, so that a permission for tomorrow is what is known today.
 */
import { addDays, type Instant } from '@timeline/kernel';
import type { ContactHours, ContactPreferences, IdentityKind } from '../customers.events.js';
import type { Profile } from '../projections/profile-document.js';

export interface Asked {
  purpose: string;
  channel: string;
  at: Instant;
}

export const REFUSALS = {
  CONSENT_MISSING: 'the customer never consented to this purpose for this channel',
  CONSENT_WITHDRAWN: 'the customer withdrew the consent to this purpose',
  CHANNEL_REFUSED: 'the customer does not want to be contacted by this channel',
  NOT_REACHABLE: 'the customer has no identity that this channel reaches',
  OUTSIDE_HOURS: 'outside the hours at which the customer wants to be contacted',
  TOO_OFTEN: 'as often as the customer wants to be contacted already',
} as const;

export interface Refusal {
  code: keyof typeof REFUSALS;
  message: string;
  /** From when on this reason would be gone, where it goes by itself. */
  until?: Instant;
}

export interface Permission {
  allowed: boolean;
  /** All that speaks against it; empty where it is allowed. */
  refusals: Refusal[];
  /** The consent that counts, whichever way. */
  consent?: Profile['consents'][number];
  /** Whether the channel is among those wanted; absent where the customer named none. */
  preferred?: boolean;
  language?: string;
}

/** Channels that need an identity of a kind. */
const REACHED_BY: Readonly<Record<string, IdentityKind>> = {
  email: 'email',
  phone: 'phone',
  sms: 'phone',
  wechat: 'wechat',
  weibo: 'weibo',
};

export function permissionOf(
  profile: Pick<Profile, 'consents' | 'preferences' | 'identities' | 'outbound' | 'language'>,
  { purpose, channel, at }: Asked,
): Permission {
  const { channels, refused = [], hours, frequency, language = profile.language } = profile.preferences;
  const ofPurpose = profile.consents.filter((consent) => consent.purpose === purpose);
  const consent =
    ofPurpose.find((each) => each.channel === channel) ?? ofPurpose.find((each) => each.channel === undefined);
  const kind = Object.hasOwn(REACHED_BY, channel) ? REACHED_BY[channel] : undefined;
  const free = frequency && freeFrom(profile.outbound, frequency, at);
  const refusals: Refusal[] = [
    ...(consent ? [] : [refusal('CONSENT_MISSING')]),
    ...(consent?.status === 'withdrawn' ? [refusal('CONSENT_WITHDRAWN')] : []),
    ...(refused.includes(channel) ? [refusal('CHANNEL_REFUSED')] : []),
    ...(kind && !profile.identities.some((identity) => identity.kind === kind) ? [refusal('NOT_REACHABLE')] : []),
    ...(hours && !isWithin(hours, at) ? [refusal('OUTSIDE_HOURS')] : []),
    ...(free === undefined ? [] : [{ ...refusal('TOO_OFTEN'), until: free }]),
  ];
  return {
    allowed: refusals.length === 0,
    refusals,
    ...(consent && { consent }),
    ...(channels && { preferred: channels.includes(channel) }),
    ...(language !== undefined && { language }),
  };
}

const refusal = (code: Refusal['code']): Refusal => ({ code, message: REFUSALS[code] });

/** When one more contact is wanted again; `undefined`: at `at` already. */
function freeFrom(
  outbound: readonly Instant[],
  { atMost, days }: NonNullable<ContactPreferences['frequency']>,
  at: Instant,
): Instant | undefined {
  const last = outbound
    .filter((contact) => contact <= at)
    .sort()
    .at(-atMost);
  const free = last && addDays(last, days);
  return free !== undefined && free > at ? free : undefined;
}

/** Whether `at` is in one of the windows, by the clock on the wall there. */
export function isWithin({ timeZone, windows }: ContactHours, at: Instant): boolean {
  const { day, time } = wallClock(timeZone, at);
  const dayBefore = day === 1 ? 7 : day - 1;
  const isOn = (days: readonly number[] | undefined, weekday: number): boolean => !days || days.includes(weekday);
  return windows.some(({ days, from, to }) =>
    from < to
      ? isOn(days, day) && from <= time && time < to
      : (isOn(days, day) && from <= time) || (isOn(days, dayBefore) && time < to),
  );
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** @returns `time` as `HH:MM`, `day` from 1 (Monday) to 7 */
function wallClock(timeZone: string, at: Instant): { day: number; time: string } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
  return { day: WEEKDAYS.indexOf(parts['weekday'] ?? '') + 1, time: `${parts['hour']}:${parts['minute']}` };
}
