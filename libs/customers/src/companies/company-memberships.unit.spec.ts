import { PureFold } from '@timeline/projecting';
import { addDays, deriveId, DomainError, makePosition, type Fact, type Recorded } from '@timeline/kernel';
import fc from 'fast-check';
import { NOON, Playing } from '../../../kernel/src/testing/playing.js';
import { customerDecider, type CustomerCommand } from '../customer.decider.js';
import type { Profile } from '../projections/profile-document.js';
import { profileProjection } from '../projections/profile.projection.js';
import { combineParts, emptyPart, type ProfilePart } from '../projections/profile-part.js';
import { MAX_COMPANIES, type Membership } from './company-memberships.js';
import { companyPeople, type PersonOfCompany } from './company-people.projection.js';

const PEOPLE = ['p0', 'p1', 'p2'];
const COMPANIES = ['c0', 'c1'];
const nth = (names: readonly string[], at: number): string => names[at % names.length] ?? '';

const step = fc.record({
  who: fc.nat(2),
  where: fc.nat(1),
  what: fc.constantFrom('join', 'join', 'join', 'leave', 'leave', 'erase'),
  role: fc.constantFrom(undefined, 'buyer', 'owner'),
  day: fc.nat(30),
});

it('people and companies agree on who belongs to whom, whatever is tried in whatever order', () => {
  const met = { current: 0, left: 0, forgotten: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const log: Recorded<Fact>[] = [];
      const streams = new Map(
        [...PEOPLE, ...COMPANIES].map((id) => [
          id,
          new Playing(customerDecider, `customer-${id}`, () => log.length + 1),
        ]),
      );
      const carryOut = (command: CustomerCommand, occurredAt: string): void => {
        const playing = streams.get(command.customerId);
        try {
          const { length } = playing?.carryOut(command, { now: addDays(NOON, 60), occurredAt }) ?? [];
          log.push(...(length > 0 ? (playing?.events.slice(-length) ?? []) : []));
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          met.refused += 1;
        }
      };
      for (const customerId of streams.keys()) {
        const kind = PEOPLE.includes(customerId) ? 'person' : 'company';
        const nothing = { details: {}, identities: [], traits: {} };
        carryOut({ type: 'register', customerId, kind, stage: 'lead', ...nothing }, NOON);
      }
      /** Told the slow way: pairs, and whether they left. */
      const truth = new Map<string, { left: boolean; role: string | undefined }>();
      for (const { who, where, what, role, day } of steps) {
        const [customerId, companyId] = [nth(PEOPLE, who), nth(COMPANIES, where)];
        const before = log.length;
        const pair = `${companyId}/${customerId}`;
        const occurredAt = addDays(NOON, day);
        if (what === 'erase') {
          carryOut({ type: 'erase', customerId, reason: 'asked' }, occurredAt);
          for (const company of COMPANIES) met.forgotten += truth.delete(`${company}/${customerId}`) ? 1 : 0;
        } else if (what === 'join') {
          carryOut({ type: 'join-company', customerId, companyId, ...(role !== undefined && { role }) }, occurredAt);
          const known = truth.get(pair);
          if (log.length > before)
            truth.set(pair, { left: false, role: role ?? (known?.left ? undefined : known?.role) });
        } else {
          carryOut({ type: 'leave-company', customerId, companyId }, occurredAt);
          if (log.length > before) truth.set(pair, { left: true, role: truth.get(pair)?.role });
        }
      }
      const [people, profiles] = [new PureFold(companyPeople), new PureFold(profileProjection)];
      for (const event of log) {
        if (companyPeople.handles.some((type) => type === event.type)) people.apply(event);
        profiles.apply(event);
      }
      // Made by this projection only.
      const listed = [...people.documents].flatMap(([key, { content }]) => {
        if (!content) return [];
        const { left = false, role } = content as unknown as PersonOfCompany;
        return [[key, { left, role }] as const];
      });
      expect(new Map(listed)).toEqual(truth);
      const profileOf = (id: string): Profile | undefined => {
        const text = profiles.derivedText(id);
        return text === undefined ? undefined : (JSON.parse(text) as Profile);
      };
      for (const companyId of COMPANIES) {
        const ofIt = [...truth].filter(([pair]) => pair.startsWith(`${companyId}/`));
        const current = ofIt.filter(([, { left }]) => !left).length;
        met.current += current;
        met.left += ofIt.length - current;
        expect(profileOf(companyId)?.people).toBe(current);
      }
      for (const person of PEOPLE) {
        const shown = profileOf(person)?.companies?.map(({ companyId, left = false, role }) => [companyId, left, role]);
        const known = [...truth].filter(([pair]) => pair.endsWith(`/${person}`));
        if (shown)
          expect(shown).toEqual(
            known
              .map(([pair, { left, role }]) => [pair.split('/')[0], left, role])
              .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
          );
        else expect(known).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
  for (const times of Object.values(met)) expect(times).toBeGreaterThan(20);
});

it('who is merged belongs to a company by any record that does, and as the latest of these says', () => {
  const part = (at: string, membership: Membership): ProfilePart => ({
    ...emptyPart(),
    companies: { c: { ...membership, since: makePosition('aaaaaaaaaaaa', at) } },
  });
  const current = part('1', { role: 'buyer' });
  const later = part('2', { role: 'owner' });
  const left = part('3', { role: 'chief', left: true });
  for (const parts of [
    [current, later, left],
    [left, current, later],
    [later, left, current],
  ])
    expect(parts.reduce(combineParts).companies).toEqual(later.companies);
});

it('a person has at most so many companies, left ones included', () => {
  const playing = new Playing(customerDecider);
  const nothing = { details: {}, identities: [], traits: {} };
  playing.carryOut({ type: 'register', customerId: 'p', kind: 'person', stage: 'lead', ...nothing });
  const join = (n: number): unknown =>
    playing.carryOut({ type: 'join-company', customerId: 'p', companyId: deriveId('company', n) });
  for (let n = 0; n < MAX_COMPANIES; n += 1) join(n);
  playing.carryOut({ type: 'leave-company', customerId: 'p', companyId: deriveId('company', 0) });
  expect(() => join(MAX_COMPANIES)).toThrow(expect.objectContaining({ code: 'TOO_MANY_COMPANIES' }));
  join(0);
});
