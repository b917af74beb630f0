/** Resolves an open case. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, Optional, Text } from '@timeline/http';
import { CaseCommands, caseStream } from './case-commands.js';

export class ResolveCaseBody {
  /** A code from your own list, e.g. `refunded`. */
  @Text({ max: 60, pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]*$/, meaning: 'a code of letters, digits, _ . and -' })
  resolution: string;

  @Optional()
  @Text({ max: 2000 })
  note?: string;

  /** Default: whoever the case is assigned to. */
  @Optional()
  @Text({ max: 100 })
  agent?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ResolveCaseData extends ResolveCaseBody {
  @Id()
  caseId: string;
}

export class ResolveCase extends DomainCommand<ResolveCaseData> {}

export const resolveCase: CommandType<ResolveCaseData> = {
  name: 'ResolveCase',
  data: ResolveCaseData,
  command: ResolveCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(ResolveCase)
export class ResolveCaseHandler implements ICommandHandler<ResolveCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: ResolveCase): Promise<CommandOutcome> {
    const { resolution, note, agent } = data;
    return this.cases.execute(
      data,
      { type: 'resolve', resolution, ...(note !== undefined && { note }), ...(agent !== undefined && { agent }) },
      context,
    );
  }
}
