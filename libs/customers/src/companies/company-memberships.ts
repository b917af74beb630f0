/**
 * Which companies a person belongs to. Decided in the person's stream alone; both are told of by source customer, so a
 * merge of either changes nothing of it. Who left is remembered, and may join again.
 */
import { DomainError, type Decision, type Instant, type Recorded } from '@timeline/kernel';
import type { CustomerEvent, CustomerKind } from '../customers.events.js';
import { entryOf } from '../latest.js';

/** Companies a person ever belonged to. */
export const MAX_COMPANIES = 100;

/** `from`, `to`: days, where they are known. */
export interface Membership {
  role?: string;
  from?: string;
  /** Not any more. */
  left?: true;
  to?: string;
}

export interface KnownMembership extends Membership {
  /** Of the latest change. */
  at: Instant;
}

export interface JoinCompany {
  type: 'join-company';
  customerId: string;
  /** A company: whether it is one stands in a stream of its own and is looked at before. */
  companyId: string;
  role?: string;
  from?: string;
}

export interface LeaveCompany {
  type: 'leave-company';
  customerId: string;
  companyId: string;
  to?: string;
  reason?: string;
}

export type CompanyEvent = Extract<CustomerEvent, { type: 'CustomerJoinedCompany' | 'CustomerLeftCompany' }>;

interface Person {
  readonly kind?: CustomerKind;
  readonly companies: Readonly<Record<string, KnownMembership>>;
}

export function join(
  { customerId, companyId, role, from }: JoinCompany,
  { kind, companies }: Person,
  occurredAt: Instant,
): Decision<CompanyEvent>[] {
  if (kind !== 'person') throw new DomainError('NOT_A_PERSON', 'only a person can belong to a company');
  const before = entryOf(companies, companyId);
  const isIn = before !== undefined && !before.left;
  // What is not said stays as it is.
  const now = { role: role ?? (isIn ? before.role : undefined), from: from ?? (isIn ? before.from : undefined) };
  if (isIn && now.role === before.role && now.from === before.from) return [];
  assertInOrder(before, occurredAt);
  if (!before && Object.keys(companies).length >= MAX_COMPANIES) {
    throw new DomainError('TOO_MANY_COMPANIES', `a person has at most ${MAX_COMPANIES} companies, left ones included`, {
      pointer: '/companyId',
    });
  }
  return [
    {
      type: 'CustomerJoinedCompany',
      data: {
        personId: customerId,
        companyId,
        ...(now.role !== undefined && { role: now.role }),
        ...(now.from !== undefined && { from: now.from }),
        ...(isIn && { held: true }),
      },
      customerIds: [customerId, companyId],
    },
  ];
}

export function leave(
  { customerId, companyId, to, reason }: LeaveCompany,
  { companies }: Person,
  occurredAt: Instant,
): Decision<CompanyEvent>[] {
  const before = entryOf(companies, companyId);
  if (!before || before.left) {
    throw new DomainError('NOT_IN_COMPANY', 'the person does not belong to this company', { pointer: '/companyId' });
  }
  assertInOrder(before, occurredAt);
  if (to !== undefined && before.from !== undefined && to < before.from) {
    throw new DomainError('LEFT_BEFORE_JOINED', `the person belongs to the company from ${before.from}`, {
      pointer: '/to',
    });
  }
  return [
    {
      type: 'CustomerLeftCompany',
      data: {
        personId: customerId,
        companyId,
        ...(to !== undefined && { to }),
        ...(reason !== undefined && { reason }),
      },
      customerIds: [customerId, companyId],
    },
  ];
}

/** Before the person is erased: companies forget whom they cannot name. */
export const forgetAll = (customerId: string, { companies }: Person): Decision<CompanyEvent>[] =>
  Object.entries(companies).map(([companyId, { left }]) => ({
    type: 'CustomerLeftCompany',
    data: { personId: customerId, companyId, forgotten: left ? 'left-before' : 'left' },
    customerIds: [customerId, companyId],
  }));

/** The membership after the event; undefined where it is forgotten. */
export function membershipAfter<Before extends Membership>(
  before: Before | undefined,
  event: Recorded<CompanyEvent>,
): Membership | undefined {
  if (event.type === 'CustomerJoinedCompany') {
    const { role, from } = event.data;
    return { ...(role !== undefined && { role }), ...(from !== undefined && { from }) };
  }
  const { to, forgotten } = event.data;
  if (forgotten) return undefined;
  const { role, from } = before ?? {};
  return {
    ...(role !== undefined && { role }),
    ...(from !== undefined && { from }),
    left: true,
    ...(to !== undefined && { to }),
  };
}

/** `made` of the membership after the event, under the company; without it where that is forgotten. */
export function withMembership<Kept extends Membership>(
  companies: Readonly<Record<string, Kept>>,
  event: Recorded<CompanyEvent>,
  made: (membership: Membership) => Kept,
): Record<string, Kept> {
  const { [event.data.companyId]: before, ...others } = companies;
  const after = membershipAfter(before, event);
  return after ? { ...others, [event.data.companyId]: made(after) } : others;
}

/** By how many people the company has more after the event. */
export function peopleMore(event: Recorded<CompanyEvent>): number {
  if (event.type === 'CustomerJoinedCompany') return event.data.held ? 0 : 1;
  return event.data.forgotten === 'left-before' ? 0 : -1;
}

function assertInOrder(before: KnownMembership | undefined, occurredAt: Instant): void {
  if (before && occurredAt < before.at) {
    throw new DomainError(
      'MEMBERSHIP_OUT_OF_ORDER',
      `the membership changed at ${before.at}; a change before that cannot be entered`,
      { pointer: '/occurredAt' },
    );
  }
}
