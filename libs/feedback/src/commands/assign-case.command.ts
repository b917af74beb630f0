/** Gives an open case to an agent, and says why to this one. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { CaseCommands, caseStream } from './case-commands.js';

export class AssignCaseBody {
  @Text({ max: 100 })
  agent: string;

  @Optional()
  @Text({ max: 100 })
  team?: string;

  /** Why this agent; never what names the customer. */
  @Optional()
  @Text({ max: 200 })
  reason?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class AssignCaseData extends AssignCaseBody {
  @Id()
  caseId: string;
}

export class AssignCase extends DomainCommand<AssignCaseData> {}

export const assignCase: CommandType<AssignCaseData> = {
  name: 'AssignCase',
  data: AssignCaseData,
  command: AssignCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(AssignCase)
export class AssignCaseHandler implements ICommandHandler<AssignCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: AssignCase): Promise<CommandOutcome> {
    const { agent, team, reason } = data;
    return this.cases.execute(
      data,
      { type: 'assign', agent, ...(team !== undefined && { team }), ...(reason !== undefined && { reason }) },
      context,
    );
  }
}
