/** One answer by its id. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { surveyAnswers } from '../projections/survey-answers.projection.js';
import { answerView, type AnswerView } from './answer-view.js';

export class GetAnswer extends Query<AnswerView> {
  constructor(
    readonly surveyId: string,
    readonly answerId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetAnswer)
export class GetAnswerHandler implements IQueryHandler<GetAnswer> {
  constructor(private readonly models: ReadModels) {}

  /** @throws DomainError SURVEY_ANSWER_NOT_FOUND, CUSTOMER_ERASED */
  execute({ surveyId, answerId, position }: GetAnswer): Promise<AnswerView> {
    return this.models.read(surveyAnswers, position, async ({ documents }) => {
      // Not through `documents.get`: what an erased customer leaves behind tells the answer from one that never was.
      const stored = await documents.collection.findOne({ _id: answerId });
      if (stored?._x) throw new DomainError('CUSTOMER_ERASED', 'the customer who gave this answer was erased');
      if (stored?.surveyId !== surveyId) {
        throw new DomainError('SURVEY_ANSWER_NOT_FOUND', 'there is no answer with this id to this survey');
      }
      return answerView(stored);
    });
  }
}
