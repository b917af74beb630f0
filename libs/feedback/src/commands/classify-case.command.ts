/** Says what a case is about and how much it matters. A correction is the same command again. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, OneOf, Optional, Text } from '@timeline/http';
import { SENTIMENTS, SEVERITIES, type Sentiment, type Severity } from '../feedback.events.js';
import { CaseCommands, caseStream } from './case-commands.js';

export class ClassifyCaseBody {
  /** From your own list of topics; never what names the person. */
  @Text({ max: 100 })
  topic: string;

  @OneOf(SEVERITIES)
  severity: Severity;

  @OneOf(SENTIMENTS)
  sentiment: Sentiment;

  @OneOf(SEVERITIES)
  urgency: Severity;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ClassifyCaseData extends ClassifyCaseBody {
  @Id()
  caseId: string;
}

export class ClassifyCase extends DomainCommand<ClassifyCaseData> {}

export const classifyCase: CommandType<ClassifyCaseData> = {
  name: 'ClassifyCase',
  data: ClassifyCaseData,
  command: ClassifyCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(ClassifyCase)
export class ClassifyCaseHandler implements ICommandHandler<ClassifyCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: ClassifyCase): Promise<CommandOutcome> {
    const { topic, severity, sentiment, urgency } = data;
    return this.cases.execute(data, { type: 'classify', topic, severity, sentiment, urgency }, context);
  }
}
