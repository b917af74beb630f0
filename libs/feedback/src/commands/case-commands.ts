/** What the commands on a case share: its stream, and that its customer must not have been erased. */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, CustomerDirectory, type CommandContext, type CommandOutcome } from '@timeline/deciding';
import { customerOfCase, feedbackDecider, type FeedbackCommand } from '../feedback.decider.js';

export const caseStream = (caseId: string): string => `feedback-${caseId}`;

@Injectable()
export class CaseCommands {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
  ) {}

  /** @throws DomainError FEEDBACK_NOT_FOUND, CUSTOMER_ERASED, and what the decider refuses */
  async execute(
    data: { caseId: string; occurredAt?: string },
    command: FeedbackCommand,
    context: CommandContext,
  ): Promise<CommandOutcome> {
    const { caseId, occurredAt } = data;
    const stream = caseStream(caseId);
    const customerId = customerOfCase((await this.processor.load(feedbackDecider, stream)).state);
    if (customerId !== undefined) await this.directory.resolve({ customerId });
    return this.processor.execute({
      decider: feedbackDecider,
      stream,
      id: caseId,
      command,
      ...(occurredAt !== undefined && { occurredAt }),
      context,
    });
  }
}
