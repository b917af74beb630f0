/**
 * Facts that a reaction works out for a customer, one after the other, in a stream of their own. They are worked out from a
 * document that had seen so many facts of that stream: where there are more by now, somebody was quicker and they are
 * nothing.
 */
import { Injectable } from '@nestjs/common';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, errorCode, type Decider, type Fact, type JsonValue } from '@timeline/kernel';
import type { CommandContext } from './command.js';
import { CommandProcessor } from './command-processor.js';
import { CustomerDirectory } from './customer-directory.port.js';

export interface Steps<Event extends Fact> {
  customerId: string;
  /** How many facts of the stream the document had seen. */
  recorded: number;
  steps: readonly Event[];
}

export interface StepKind<Event extends Fact> {
  decider: Decider<{ recorded: number }, Steps<Event>, Event>;
  streamOf(customerId: string): string;
  /** Who is said to have done it. */
  actor: string;
  /** What ids of its commands begin from. */
  command: string;
}

/** @param stream what the names of its streams begin with */
export const stepsIn = <Event extends Fact>(
  stream: string,
  more: Pick<StepKind<Event>, 'actor' | 'command'>,
): StepKind<Event> => ({
  ...more,
  streamOf: (customerId) => `${stream}-${customerId}`,
  decider: {
    initialState: { recorded: 0 },
    evolve: ({ recorded }) => ({ recorded: recorded + 1 }),
    decide: ({ recorded, steps }, state) => (recorded === state.recorded ? [...steps] : []),
    customerOf: ({ customerId }) => customerId,
  },
});

@Injectable()
export class StepRecorder {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
  ) {}

  /** `later`: the customer was erased, or the registration withdrawn; the document follows. */
  async record<Event extends Fact>(kind: StepKind<Event>, command: Steps<Event>): Promise<void | 'later'> {
    const { customerId, recorded, steps } = command;
    try {
      await this.directory.resolve({ customerId });
    } catch (error) {
      if (['CUSTOMER_ERASED', 'CUSTOMER_NOT_FOUND'].includes(errorCode(error))) return 'later';
      throw error;
    }
    // Facts are JSON.
    const commandId = deriveId(kind.command, customerId, canonicalJson({ recorded, steps } as unknown as JsonValue));
    const context: CommandContext = {
      commandId,
      bodyHash: this.hashes.hashBody(commandId),
      actor: kind.actor,
      correlationId: commandId,
      causationId: commandId,
    };
    await this.processor.execute({
      decider: kind.decider,
      stream: kind.streamOf(customerId),
      id: customerId,
      command,
      context,
    });
  }
}
