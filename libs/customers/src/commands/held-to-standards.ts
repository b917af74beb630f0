/** A command with what its facts are held to, and the same question asked before anything is claimed for it. */
import type { CommandContext } from '@timeline/deciding';
import type { Standards } from '@timeline/standards';
import type { Checks } from '../accepted-under.js';
import { customerDecider, type CustomerCommand, type CustomerState } from '../customer.decider.js';
import type { IdentifiedIdentity } from '../identities/identity-registry.js';

/** @param wanted the identities of the request */
export const checksOf = (
  standards: Standards,
  wanted: readonly { identity: IdentifiedIdentity; pointer: string }[] = [],
): Checks => ({
  standards,
  pointers: Object.fromEntries(wanted.map(({ identity, pointer }) => [identity.hash, pointer])),
});

/** For `Claimant.assertAccepted`; without standards there is nothing to ask. */
export const assertAccepted = (
  standards: Standards,
  commandOf: (claimOf: () => string) => CustomerCommand,
  occurredAt: string | undefined,
  { commandId, actor }: CommandContext,
): { assertAccepted?: (owner: CustomerState) => void } => {
  const { now, byField } = standards;
  if (byField.size === 0) return {};
  const context = { now, occurredAt: occurredAt ?? now, commandId, actor };
  return {
    assertAccepted: (owner) =>
      void customerDecider.decide(
        commandOf(() => ''),
        owner,
        context,
      ),
  };
};
