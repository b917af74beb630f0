/** Records an answer that the customer was given. The first one stops the clock of the first response time. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { CaseCommands, caseStream } from './case-commands.js';

export class RespondToCaseBody {
  @Text({ max: 10_000 })
  message: string;

  /** Default: whoever the case is assigned to. */
  @Optional()
  @Text({ max: 100 })
  agent?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class RespondToCaseData extends RespondToCaseBody {
  @Id()
  caseId: string;
}

export class RespondToCase extends DomainCommand<RespondToCaseData> {}

export const respondToCase: CommandType<RespondToCaseData> = {
  name: 'RespondToCase',
  data: RespondToCaseData,
  command: RespondToCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(RespondToCase)
export class RespondToCaseHandler implements ICommandHandler<RespondToCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: RespondToCase): Promise<CommandOutcome> {
    const { message, agent } = data;
    return this.cases.execute(data, { type: 'respond', message, ...(agent !== undefined && { agent }) }, context);
  }
}
