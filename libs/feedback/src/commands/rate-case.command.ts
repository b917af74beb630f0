/** The customer's rating of a resolved case, once per resolution. The two highest scores count as satisfied. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Check, Id, Instant, Nested, Optional, Text, violation, Whole } from '@timeline/http';
import { CaseCommands, caseStream } from './case-commands.js';

@Check(({ min, max }: RatingScale) =>
  max - min >= 2
    ? []
    : [
        violation(
          '/max',
          'SCALE_TOO_SHORT',
          'must be at least 2 above min, since the two highest scores count as satisfied',
        ),
      ],
)
class RatingScale {
  @Whole({ min: 0, max: 100 })
  min: number = 1;

  @Whole({ min: 0, max: 100 })
  max: number = 5;
}

export class RateCaseBody {
  @Whole({ min: 0, max: 100 })
  score: number;

  @Optional()
  @Nested(() => RatingScale)
  scale: RatingScale = new RatingScale();

  @Optional()
  @Text({ max: 2000 })
  comment?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class RateCaseData extends RateCaseBody {
  @Id()
  caseId: string;
}

export class RateCase extends DomainCommand<RateCaseData> {}

export const rateCase: CommandType<RateCaseData> = {
  name: 'RateCase',
  data: RateCaseData,
  command: RateCase,
  target: ({ caseId }) => caseId,
  keys: ({ caseId }) => [caseStream(caseId)],
};

@CommandHandler(RateCase)
export class RateCaseHandler implements ICommandHandler<RateCase> {
  constructor(private readonly cases: CaseCommands) {}

  execute({ data, context }: RateCase): Promise<CommandOutcome> {
    const { score, scale, comment } = data;
    return this.cases.execute(
      data,
      { type: 'rate', score, scaleMin: scale.min, scaleMax: scale.max, ...(comment !== undefined && { comment }) },
      context,
    );
  }
}
