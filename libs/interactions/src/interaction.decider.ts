/** What may be recorded about an interaction: one fact per stream, and a second delivery of it changes nothing. */
import { assertSameDelivery, type Delivered } from '@timeline/deciding';
import type { Decider, Decision, Recorded } from '@timeline/kernel';
import type { InteractionEvent } from './interactions.events.js';

type Recording = InteractionEvent['data'];
type Content = NonNullable<InteractionEvent['personal']>;

export interface InteractionIntake {
  customerId: string;
  data: Recording;
  personal: Content;
  /** Where the delivery names the instant; compared with an earlier delivery only then. */
  occurredAt?: string;
}

export interface InteractionState {
  recorded?: Delivered;
}

function delivered(
  customer: string | undefined,
  data: Recording,
  personal: Content | undefined,
  occurredAt: string | undefined,
): Delivered {
  const { payloadHash, interactionId: _id, ...told } = data;
  return { payloadHash, members: { customer, ...told, ...personal, occurredAt } };
}

export const interactionDecider: Decider<InteractionState, InteractionIntake, InteractionEvent> = {
  initialState: {},

  evolve: (_state, { data, personal, metadata }: Recorded<InteractionEvent>) => ({
    recorded: delivered(metadata.customerId, data, personal, metadata.occurredAt),
  }),

  decide(command, { recorded }): Decision<InteractionEvent>[] {
    const { data, personal } = command;
    if (!recorded) {
      const hasContent = Object.keys(personal).length > 0;
      return [{ type: 'InteractionRecorded', data, ...(hasContent && { personal }), channel: data.channel }];
    }
    assertSameDelivery(recorded, delivered(command.customerId, data, personal, command.occurredAt), {
      code: 'INTERACTION_CONFLICT',
      id: data.interactionId,
      advice: 'an interaction is not changed, record another one',
    });
    return [];
  },

  customerOf: (command) => command.customerId,
};
