/** Opens a resolved case again. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { CaseCommands, caseStream } from './case-commands.js';

export class ReopenCaseBody {
  /** A short reason without what names the customer; the rest goes into the note. */
  @Text({ max: 200 })
  reason: string;

  @Optional()
  @Text({ max: 2000 })
  note?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ReopenCaseData extends ReopenCaseBody {
  @Id()
  caseId: string;
}

export class ReopenCase extends DomainCommand<ReopenCaseData> {}

export const reopenCase: CommandType<ReopenCaseData> = {
  name: 'ReopenCase',
  data: ReopenCaseData,
  command: ReopenCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(ReopenCase)
export class ReopenCaseHandler implements ICommandHandler<ReopenCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: ReopenCase): Promise<CommandOutcome> {
    const { reason, note } = data;
    return this.cases.execute(data, { type: 'reopen', reason, ...(note !== undefined && { note }) }, context);
  }
}
