/**
 * What may happen in a customer's points ledger. Points lie in dated lots; spending takes from those that expire
 * soonest. Both look at the ledger *as it was at the command's `occurredAt`*: a lot that was not earned yet or had
 * expired by then cannot be spent, so that the balance as of any moment is never below zero.
 */
import {
  deriveId,
  DomainError,
  unreachable,
  type Decider,
  type Decision,
  type DecisionContext,
} from '@timeline/kernel';
import type { LotPortion, LoyaltyEvent } from './loyalty.events.js';

export interface Earning {
  type: 'earn';
  customerId: string;
  points: number;
  reason: string;
  purchaseId?: string;
  /** Default: never. The points can be spent until just before it. */
  expiresAt?: string;
}

export interface Spending {
  type: 'spend';
  customerId: string;
  points: number;
  reason: string;
}

export type LoyaltyCommand = Earning | Spending;

export interface Lot {
  lotId: string;
  earnedAt: string;
  expiresAt?: string;
  /** Not spent. */
  left: number;
}

export interface LoyaltyState {
  /** With points left, in the order they are spent: soonest to expire first, then as earned. */
  lots: readonly Lot[];
}

/**
 * Different expiry instants that lie ahead at once. What reads the ledger keeps one sum per instant, so this bounds
 * it; lots that expire at the end of a day or month share an instant.
 */
export const MAX_EXPIRY_INSTANTS = 1_000;

export const loyaltyDecider: Decider<LoyaltyState, LoyaltyCommand, LoyaltyEvent> = {
  initialState: { lots: [] },

  evolve(state, event): LoyaltyState {
    switch (event.type) {
      case 'PointsEarned': {
        const { lotId, points, expiresAt } = event.data;
        const lot: Lot = { lotId, earnedAt: event.metadata.occurredAt, ...(expiresAt && { expiresAt }), left: points };
        // Stable, so that of equal lots the one recorded first stays first.
        return { lots: [...state.lots, lot].sort(spentSooner) };
      }
      case 'PointsSpent': {
        const taken = new Map(event.data.lots.map(({ lotId, points }) => [lotId, points]));
        const lots = state.lots.map((lot) => ({ ...lot, left: lot.left - (taken.get(lot.lotId) ?? 0) }));
        return { lots: lots.filter(({ left }) => left > 0) };
      }
      default:
        return unreachable(event, 'a fact of a points ledger');
    }
  },

  decide(command, state, context): Decision<LoyaltyEvent>[] {
    switch (command.type) {
      case 'earn':
        return [earn(command, state, context)];
      case 'spend':
        return [spend(command, state, context)];
      default:
        return unreachable(command, 'a command about a points ledger');
    }
  },

  customerOf: (command) => command.customerId,
};

function earn(
  command: Earning,
  state: LoyaltyState,
  { occurredAt, commandId }: DecisionContext,
): Decision<LoyaltyEvent> {
  const { points, reason, purchaseId, expiresAt } = command;
  if (expiresAt !== undefined && expiresAt <= occurredAt) {
    throw new DomainError('EXPIRES_BEFORE_EARNED', `points earned at ${occurredAt} must expire later than that`, {
      pointer: '/expiresAt',
    });
  }
  const instants = new Set(
    state.lots.flatMap((lot) => (lot.expiresAt && lot.expiresAt > occurredAt ? [lot.expiresAt] : [])),
  );
  if (expiresAt !== undefined && !instants.has(expiresAt) && instants.size >= MAX_EXPIRY_INSTANTS) {
    throw new DomainError(
      'TOO_MANY_EXPIRY_INSTANTS',
      `this customer has points that expire at ${instants.size} different instants; let lots expire at the end of a day or month`,
      { pointer: '/expiresAt' },
    );
  }
  const balance = sumOf(openLots(state, occurredAt)) + points;
  if (!Number.isSafeInteger(balance)) {
    throw new DomainError('POINTS_OUT_OF_RANGE', 'a balance must stay a number that is held exactly', {
      pointer: '/points',
    });
  }
  return {
    type: 'PointsEarned',
    data: {
      lotId: deriveId('lot', commandId),
      points,
      reason,
      ...(purchaseId !== undefined && { purchaseId }),
      ...(expiresAt !== undefined && { expiresAt }),
      balance,
    },
  };
}

function spend(
  command: Spending,
  state: LoyaltyState,
  { occurredAt, commandId }: DecisionContext,
): Decision<LoyaltyEvent> {
  const open = openLots(state, occurredAt);
  const balance = sumOf(open);
  if (command.points > balance) {
    throw new DomainError('INSUFFICIENT_POINTS', `the balance at ${occurredAt} is ${balance}; spend at most that`, {
      pointer: '/points',
      balance,
    });
  }
  return {
    type: 'PointsSpent',
    data: {
      redemptionId: deriveId('redemption', commandId),
      points: command.points,
      reason: command.reason,
      lots: portionsOf(open, command.points),
      balance: balance - command.points,
    },
  };
}

/** `points` taken from the lots in their order. */
function portionsOf(lots: readonly Lot[], points: number): LotPortion[] {
  const portions: LotPortion[] = [];
  let missing = points;
  for (const { lotId, left, expiresAt } of lots) {
    if (missing === 0) break;
    const taken = Math.min(left, missing);
    portions.push({ lotId, points: taken, ...(expiresAt !== undefined && { expiresAt }) });
    missing -= taken;
  }
  return portions;
}

const openLots = ({ lots }: LoyaltyState, at: string): Lot[] =>
  lots.filter(({ earnedAt, expiresAt }) => earnedAt <= at && (expiresAt === undefined || expiresAt > at));

const sumOf = (lots: readonly Lot[]): number => lots.reduce((sum, { left }) => sum + left, 0);

// Text order is time order; what never expires comes last.
const spentSooner = (a: Lot, b: Lot): number =>
  compareText(a.expiresAt ?? '~', b.expiresAt ?? '~') || compareText(a.earnedAt, b.earnedAt);
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
