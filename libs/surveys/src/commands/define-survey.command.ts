/** Defines a survey, or changes its definition. The same definition again changes nothing. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Field, Nested, OneOf, Optional, Text, Whole } from '@timeline/http';
import { surveyDecider } from '../survey.decider.js';
import { SURVEY_KINDS, type SurveyKind } from '../surveys.events.js';
import { surveyId, surveyStream } from './survey-id.js';

export class ScaleDto {
  @Whole({ min: 0, max: 100 })
  min: number;

  @Whole({ min: 0, max: 100 })
  max: number;
}

export class DefineSurveyBody {
  @OneOf(SURVEY_KINDS)
  kind: SurveyKind;

  @Text({ max: 200 })
  title: string;

  /** NPS 0 to 10, CES 1 to 7 (default) or 1 to 5, CSAT any (default 1 to 5). */
  @Optional()
  @Nested(() => ScaleDto)
  scale?: ScaleDto;

  /** Scores from here up count: default the two highest of CSAT, what lies above the middle for CES, 9 and 10 for NPS. */
  @Optional()
  @Whole({ min: 0, max: 100 })
  favourableFrom?: number;
}

export class DefineSurveyData extends DefineSurveyBody {
  @Field(surveyId)
  surveyId: string;
}

export class DefineSurvey extends DomainCommand<DefineSurveyData> {}

export const defineSurvey: CommandType<DefineSurveyData> = {
  name: 'DefineSurvey',
  data: DefineSurveyData,
  command: DefineSurvey,
  target: (data) => data.surveyId,
  keys: (data) => [surveyStream(data.surveyId)],
};

@CommandHandler(DefineSurvey)
export class DefineSurveyHandler implements ICommandHandler<DefineSurvey> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError SURVEY_KIND_FIXED, SURVEY_SCALE_WRONG */
  execute({ data, context }: DefineSurvey): Promise<CommandOutcome> {
    return this.processor.execute({
      decider: surveyDecider,
      stream: surveyStream(data.surveyId),
      id: data.surveyId,
      command: data,
      context,
    });
  }
}
