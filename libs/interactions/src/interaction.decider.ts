/** What may be recorded about an interaction: one fact per stream, and a second delivery of it changes nothing. */
import { differingMembers, DomainError, type Decider, type Decision, type Recorded } from '@timeline/kernel';
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

/** What was recorded, the names of its parts being those of the request. */
interface Delivered {
  payloadHash: string;
  fields: Record<string, unknown>;
}

export interface InteractionState {
  recorded?: Delivered & { occurredAt: string };
}

const delivered = (customer: string | undefined, data: Recording, personal: Content | undefined): Delivered => {
  const { payloadHash, interactionId: _, ...fields } = data;
  return { payloadHash, fields: { customer, ...fields, ...personal } };
};

export const interactionDecider: Decider<InteractionState, InteractionIntake, InteractionEvent> = {
  initialState: {},

  evolve: (_state, event: Recorded<InteractionEvent>) => ({
    recorded: {
      ...delivered(event.metadata.customerId, event.data, event.personal),
      occurredAt: event.metadata.occurredAt,
    },
  }),

  decide(command, { recorded }): Decision<InteractionEvent>[] {
    const { data, personal } = command;
    if (!recorded) {
      const hasContent = Object.keys(personal).length > 0;
      return [{ type: 'InteractionRecorded', data, ...(hasContent && { personal }), channel: data.channel }];
    }
    const again = delivered(command.customerId, data, personal);
    if (again.payloadHash === recorded.payloadHash) return [];
    const differing = differingMembers(recorded.fields, again.fields);
    if (command.occurredAt !== undefined && command.occurredAt !== recorded.occurredAt) differing.push('occurredAt');
    // The same said in another way, e.g. the customer by id instead of by e-mail address.
    if (differing.length === 0) return [];
    throw new DomainError(
      'INTERACTION_CONFLICT',
      `this source id was delivered before with another ${differing.join(', ')}; an interaction is not changed, record another one`,
      { differing },
    );
  },

  customerOf: (command) => command.customerId,
};
