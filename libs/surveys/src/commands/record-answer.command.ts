/** Records an answer to a survey. With `source` and `sourceId` it is recorded once, however often it is delivered. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  CommandProcessor,
  CustomerDirectory,
  customerKeyOf,
  CustomerRefDto,
  DomainCommand,
  type CommandOutcome,
  type CommandType,
} from '@timeline/deciding';
import { Check, Field, Id, Instant, Nested, OneOf, Optional, Text, violation, Whole } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, DomainError } from '@timeline/kernel';
import { CHANNELS, type Channel } from '../../../interactions/src/interactions.events.js';
import { surveyAnswerDecider } from '../survey-answer.decider.js';
import { surveyDecider } from '../survey.decider.js';
import { answerStream, surveyId, surveyStream } from './survey-id.js';

@Check(
  ({ source, sourceId }: RecordAnswerBody) =>
    (source === undefined) === (sourceId === undefined)
      ? []
      : [violation(source === undefined ? '/source' : '/sourceId', 'REQUIRED', 'source and sourceId go together')],
  { schema: { dependentRequired: { source: ['sourceId'], sourceId: ['source'] } } },
)
export class RecordAnswerBody {
  @Nested(() => CustomerRefDto)
  customer: CustomerRefDto;

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

  /** When it was given; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;

  /** The system that it comes from. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** That system's own id for it. */
  @Optional()
  @Text({ max: 200 })
  sourceId?: string;
}

export class RecordAnswerData extends RecordAnswerBody {
  @Field(surveyId)
  surveyId: string;
}

export class RecordAnswer extends DomainCommand<RecordAnswerData> {}

/** Undefined where the answer is not known by its source, so that its id is the command's. */
const answerIdOfSource = ({ source, sourceId }: RecordAnswerData): string | undefined =>
  source !== undefined && sourceId !== undefined ? deriveId('survey-answer', source, sourceId) : undefined;

export const recordAnswer: CommandType<RecordAnswerData> = {
  name: 'RecordSurveyAnswer',
  data: RecordAnswerData,
  command: RecordAnswer,
  target: (data) => data.surveyId,
  keys: (data) => {
    const answerId = answerIdOfSource(data);
    // After the survey's own definition, where both come in one import.
    return [
      surveyStream(data.surveyId),
      customerKeyOf(data.customer),
      ...(answerId === undefined ? [] : [answerStream(answerId)]),
    ];
  },
};

@CommandHandler(RecordAnswer)
export class RecordAnswerHandler implements ICommandHandler<RecordAnswer> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
  ) {}

  /** @throws DomainError SURVEY_NOT_FOUND, CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, SCORE_OUT_OF_SCALE, SURVEY_ANSWER_CONFLICT */
  async execute({ data, context }: RecordAnswer): Promise<CommandOutcome> {
    const { customer, source, sourceId, occurredAt, ...answer } = data;
    const { state: survey } = await this.processor.load(surveyDecider, surveyStream(data.surveyId));
    if (!survey) throw new DomainError('SURVEY_NOT_FOUND', `there is no survey "${data.surveyId}"; define it first`);
    const { customerId } = await this.directory.resolve(customer, '/customer');
    const answerId = answerIdOfSource(data) ?? deriveId('survey-answer', context.commandId);
    return this.processor.execute({
      decider: surveyAnswerDecider,
      stream: answerStream(answerId),
      id: answerId,
      command: {
        answerId,
        intake: { ...answer, customerId, ...(occurredAt !== undefined && { occurredAt }) },
        ...(sourceId !== undefined && { sourceId }),
        payloadHash: this.hashes.hashBody(canonicalJson(data)),
        survey,
      },
      ...(occurredAt !== undefined && { occurredAt }),
      context: source === undefined ? context : { ...context, source },
    });
  }
}
