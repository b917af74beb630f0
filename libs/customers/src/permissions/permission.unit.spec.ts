import { addDays } from '@timeline/kernel';
import type { ContactHours } from '../customers.events.js';
import { isWithin, permissionOf, type Asked } from './permission.js';

type Known = Parameters<typeof permissionOf>[0];

const AT = '2026-03-04T09:30:00.000Z';
const asked: Asked = { purpose: 'newsletter', channel: 'email', at: AT };
const granted = { purpose: 'newsletter', status: 'granted', textVersion: '3', at: '2026-01-01T00:00:00.000Z' } as const;
const email = { kind: 'email', value: 'a@example.org', given: 'a@example.org', primary: true } as const;
const known = (more: Partial<Known> = {}): Known => ({
  consents: [granted],
  preferences: {},
  identities: [email],
  outbound: [],
  ...more,
});
const refusals = (profile: Known, more: Partial<Asked> = {}): string[] =>
  permissionOf(profile, { ...asked, ...more }).refusals.map(({ code }) => code);

describe('permission to contact a customer', () => {
  it('is given by a consent to the purpose and by nothing else', () => {
    expect(permissionOf(known(), asked)).toEqual({ allowed: true, refusals: [], consent: granted });
    expect(refusals(known({ consents: [] }))).toEqual(['CONSENT_MISSING']);
    expect(refusals(known(), { purpose: 'survey' })).toEqual(['CONSENT_MISSING']);
    expect(permissionOf(known({ consents: [] }), asked).allowed).toBe(false);
  });

  it('is that of the channel before that of all channels', () => {
    const here = { ...granted, channel: 'email', status: 'withdrawn' } as const;
    expect(refusals(known({ consents: [granted, here] }))).toEqual(['CONSENT_WITHDRAWN']);
    expect(refusals(known({ consents: [here, granted] }), { channel: 'letter' })).toEqual([]);
    expect(refusals(known({ consents: [{ ...granted, channel: 'letter' }] }))).toEqual(['CONSENT_MISSING']);
    const general = { ...granted, status: 'withdrawn' } as const;
    expect(refusals(known({ consents: [general, { ...here, status: 'granted' }] }))).toEqual([]);
  });

  it('is refused by a preference, and all that speaks against it is told', () => {
    const preferences = { refused: ['email'], channels: ['letter'], language: 'zh' };
    expect(permissionOf(known({ preferences, identities: [], consents: [] }), asked)).toEqual({
      allowed: false,
      refusals: [
        expect.objectContaining({ code: 'CONSENT_MISSING' }),
        expect.objectContaining({ code: 'CHANNEL_REFUSED' }),
        expect.objectContaining({ code: 'NOT_REACHABLE' }),
      ],
      preferred: false,
      language: 'zh',
    });
    expect(refusals(known({ identities: [] }), { channel: 'toString' })).toEqual([]);
  });

  it('comes back when so many contacts are long enough ago', () => {
    const outbound = ['2026-03-03T00:00:00.000Z', '2026-03-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
    const often = known({ outbound, preferences: { frequency: { atMost: 2, days: 7 } } });
    const until = '2026-03-08T00:00:00.000Z';
    expect(permissionOf(often, asked).refusals).toEqual([expect.objectContaining({ code: 'TOO_OFTEN', until })]);
    expect(refusals(often, { at: '2026-03-07T23:59:59.999Z' })).toEqual(['TOO_OFTEN']);
    expect(refusals(often, { at: until })).toEqual([]);
    // Contacts after the instant that is asked about do not count.
    expect(refusals(often, { at: '2026-03-02T00:00:00.000Z' })).toEqual([]);
    expect(refusals(known({ outbound, preferences: { frequency: { atMost: 3, days: 7 } } }))).toEqual([]);
  });

  it('keeps to the hours on the customer’s own wall, over midnight and over a change of clocks', () => {
    const weekdays: ContactHours = {
      timeZone: 'Asia/Shanghai',
      windows: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '18:00' }],
    };
    // 2026-03-04 is a Wednesday; Shanghai is eight hours ahead.
    const within = (at: string, hours = weekdays): boolean => isWithin(hours, at);
    expect(within('2026-03-04T01:00:00.000Z')).toBe(true);
    expect(within('2026-03-04T00:59:59.999Z')).toBe(false);
    expect(within('2026-03-04T10:00:00.000Z')).toBe(false);
    expect(within('2026-03-07T03:00:00.000Z')).toBe(false);
    expect(within('2026-03-08T23:30:00.000Z')).toBe(false);
    expect(within('2026-03-09T01:30:00.000Z')).toBe(true);
    const night: ContactHours = { timeZone: 'UTC', windows: [{ days: [7], from: '22:00', to: '02:00' }] };
    expect(within('2026-03-08T22:00:00.000Z', night)).toBe(true);
    expect(within('2026-03-09T01:59:00.000Z', night)).toBe(true);
    expect(within('2026-03-09T02:00:00.000Z', night)).toBe(false);
    expect(within('2026-03-08T01:00:00.000Z', night)).toBe(false);
    const berlin: ContactHours = { timeZone: 'Europe/Berlin', windows: [{ from: '09:00', to: '24:00' }] };
    expect(within('2026-03-28T07:30:00.000Z', berlin)).toBe(false);
    expect(within(addDays('2026-03-28T07:30:00.000Z', 1), berlin)).toBe(true);
    expect(within('2026-03-29T21:59:00.000Z', berlin)).toBe(true);
    expect(refusals(known({ preferences: { hours: night } }))).toEqual(['OUTSIDE_HOURS']);
  });
});
