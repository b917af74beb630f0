/** A toy projection with everything that can go wrong in one, and random histories for it. */
import fc from 'fast-check';
import { CUSTOMER_ERASED, makePosition, type Fact, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '../projection.js';

export const LOG = 'aaaaaaaaaaaa';
export const CUSTOMERS = ['ann', 'bob', 'cai', 'dee'];

export type Step =
  | { type: 'Added'; customer: number; amount: number }
  | { type: 'Cleared'; customer: number }
  | { type: 'Linked'; customer: number; other: number }
  | { type: 'Unlinked'; customer: number; other: number }
  | { type: 'Poisoned'; customer: number }
  | { type: typeof CUSTOMER_ERASED; customer: number };

/** The steps as a log. */
export function recorded(steps: readonly Step[], customers: readonly string[] = CUSTOMERS): Recorded<Fact>[] {
  const nameOf = (customer: number): string => customers[customer % customers.length] ?? 'ann';
  return steps.map((step, index) => {
    const customerId = nameOf(step.customer);
    const others = 'other' in step ? [customerId, nameOf(step.other)] : [customerId];
    return {
      id: `event-${index}`,
      type: step.type,
      data: step,
      stream: 'stream',
      revision: index,
      position: makePosition(LOG, String(index + 1).padStart(16, '0')),
      recordedAt: '2026-01-01T00:00:00.000Z',
      metadata: {
        schemaVersion: 1,
        occurredAt: '2026-01-01T00:00:00.000Z',
        customerId,
        customerIds: others,
        actor: 'test',
        commandId: 'c',
        bodyHash: 'h',
        correlationId: 'c',
        causationId: 'c',
      },
    };
  });
}

interface Account {
  amounts: number[];
  links: string[];
}

/** Non-commutative on purpose (a list), with deletion, poison, links and erasure: what a lost or doubled step changes shows. */
export const accounts: Projection<Account, Fact<string, Step>, { members: string[]; all: number[] }> = {
  name: 'accounts',
  version: 1,
  handles: ['Added', 'Cleared', 'Linked', 'Unlinked', 'Poisoned'],
  keys: ({ metadata, type }) =>
    (type === 'Linked' || type === 'Unlinked' ? (metadata.customerIds ?? []) : [metadata.customerId ?? '']).map(
      (customer) => ({
        key: customer,
        owner: customerOwner(customer),
      }),
    ),
  evolve: (doc = { amounts: [], links: [] }, { data, metadata }, key) => {
    switch (data.type) {
      case 'Added':
        return { ...doc, amounts: [...doc.amounts, data.amount] };
      case 'Cleared':
        return undefined;
      case 'Poisoned':
        throw new TypeError('poison');
      case 'Linked':
      case 'Unlinked': {
        const other = metadata.customerIds?.find((id) => id !== key);
        if (!other || other === key) return doc;
        const rest = doc.links.filter((link) => link !== other);
        return { ...doc, links: data.type === 'Linked' ? [...rest, other] : rest };
      }
      case CUSTOMER_ERASED:
        return doc;
    }
  },
  derivation: {
    links: (part) => part.links,
    derive: (_key, parts) => ({
      members: parts.map((part) => part.key).sort(),
      all: parts.flatMap((part) => part.part.amounts).sort(),
    }),
  },
};

const customer = fc.nat(11);
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('Added' as const), customer, amount: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('Cleared' as const), customer }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('Linked' as const), customer, other: customer }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('Unlinked' as const), customer, other: customer }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('Poisoned' as const), customer }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant(CUSTOMER_ERASED), customer }) },
);
