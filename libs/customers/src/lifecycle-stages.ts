/**
 * The machine of lifecycle stages. Forward moves are free where the table has them; moving back is explicit: it needs a
 * reason. What is in neither row is refused (nobody becomes loyal who was not a customer).
 */
import type { LifecycleStage } from './customers.events.js';

const MOVES: Readonly<Record<LifecycleStage, { forward: readonly LifecycleStage[]; back: readonly LifecycleStage[] }>> =
  {
    lead: { forward: ['prospect', 'customer', 'lost'], back: [] },
    prospect: { forward: ['customer', 'lost'], back: ['lead'] },
    customer: { forward: ['loyal', 'dormant', 'lost'], back: ['prospect'] },
    loyal: { forward: ['dormant', 'lost'], back: ['customer'] },
    dormant: { forward: ['lost'], back: ['customer', 'loyal'] },
    lost: { forward: [], back: ['lead', 'prospect', 'customer', 'dormant'] },
  };

export type StageMove = 'forward' | 'back' | 'impossible';

export function stageMove(from: LifecycleStage, to: LifecycleStage): StageMove {
  const { forward, back } = MOVES[from];
  return forward.includes(to) ? 'forward' : back.includes(to) ? 'back' : 'impossible';
}

export const stagesAfter = (from: LifecycleStage): LifecycleStage[] => [...MOVES[from].forward, ...MOVES[from].back];

/** Stages that only someone known can be in. */
export const NEEDS_A_NAME_OR_IDENTITY: ReadonlySet<LifecycleStage> = new Set(['customer', 'loyal']);
