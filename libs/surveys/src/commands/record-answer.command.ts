/** Records an answer to a survey. With `source` and `sourceId` it is recorded once, however often it is delivered. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  DeliveryDto,
  deliveryKeys,
  DomainCommand,
  Intake,
  type CommandOutcome,
  type CommandType,
  type IntakeKind,
  sharedDeliveryKeys,
} from '@timeline/deciding';
import { Field, Id, OneOf, Optional, Text, Whole } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { surveyAnswerDecider } from '../survey-answer.decider.js';
import { surveyDecider } from '../survey.decider.js';
import { answerStream, surveyId, surveyStream } from './survey-id.js';

export class RecordAnswerBody extends DeliveryDto {
  /** On the survey's scale. */
  @Whole({ min: 0, max: 100 })
  score: number;

  @Optional()
  @Text({ max: 10_000 })
  comment?: string;

  @OneOf(CHANNELS)
  channel: Channel;

  /** The feedback case that it is about. */
  @Optional()
  @Id()
  caseId?: string;

  /** Whose service is judged. */
  @Optional()
  @Text({ max: 100 })
  agent?: string;

  /** Coarse, for breakdowns. */
  @Optional()
  @Text({ max: 60 })
  region?: string;
}

export class RecordAnswerData extends RecordAnswerBody {
  @Field(surveyId)
  surveyId: string;
}

export class RecordAnswer extends DomainCommand<RecordAnswerData> {}

const answers: IntakeKind = { name: 'survey-answer', stream: answerStream };

export const recordAnswer: CommandType<RecordAnswerData> = {
  name: 'RecordSurveyAnswer',
  data: RecordAnswerData,
  command: RecordAnswer,
  target: (data) => data.surveyId,
  keys: (data) => deliveryKeys(answers, data),
  // After the survey's own definition, where both come in one import.
  sharedKeys: (data) => [surveyStream(data.surveyId), ...sharedDeliveryKeys(data)],
};

@CommandHandler(RecordAnswer)
export class RecordAnswerHandler implements ICommandHandler<RecordAnswer> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly intake: Intake,
  ) {}

  /** @throws DomainError SURVEY_NOT_FOUND, CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, SCORE_OUT_OF_SCALE, SURVEY_ANSWER_CONFLICT */
  async execute({ data, context }: RecordAnswer): Promise<CommandOutcome> {
    const { customer: _customer, source: _source, sourceId, occurredAt, ...answer } = data;
    const { state: survey } = await this.processor.load(surveyDecider, surveyStream(data.surveyId));
    if (!survey) throw new DomainError('SURVEY_NOT_FOUND', `there is no survey "${data.surveyId}"; define it first`);
    return this.intake.take(answers, surveyAnswerDecider, data, context, ({ id, customerId, payloadHash }) => ({
      answerId: id,
      intake: { ...answer, customerId, ...(occurredAt !== undefined && { occurredAt }) },
      ...(sourceId !== undefined && { sourceId }),
      payloadHash,
      survey,
    }));
  }
}
