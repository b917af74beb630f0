/** One survey by its id. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { surveys } from '../projections/surveys.projection.js';
import { surveyView, type SurveyView } from './survey-view.js';

export class GetSurvey extends Query<SurveyView> {
  constructor(
    readonly surveyId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetSurvey)
export class GetSurveyHandler implements IQueryHandler<GetSurvey> {
  constructor(private readonly models: ReadModels) {}

  /** @throws DomainError SURVEY_NOT_FOUND */
  execute({ surveyId, position }: GetSurvey): Promise<SurveyView> {
    return this.models.read(surveys, position, async ({ documents }) => {
      const stored = await documents.get(surveyId);
      if (!stored) throw new DomainError('SURVEY_NOT_FOUND', `there is no survey "${surveyId}"`);
      return surveyView(stored);
    });
  }
}
