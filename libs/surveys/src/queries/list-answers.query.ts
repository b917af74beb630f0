/** The answers to a survey, the latest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Cursors, isTwoTexts, type Page, type PageQuery } from '@timeline/http';
import { ReadModels } from '@timeline/projecting';
import type { Filter } from '@timeline/read-store';
import { surveyAnswers } from '../projections/survey-answers.projection.js';
import { answerView, type AnswerView } from './answer-view.js';

export class ListAnswers extends Query<Page<AnswerView>> {
  constructor(
    readonly surveyId: string,
    readonly query: PageQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

type Place = [answeredAt: string, answerId: string];

@QueryHandler(ListAnswers)
export class ListAnswersHandler implements IQueryHandler<ListAnswers> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** Empty for a survey that nobody answered, or that there is not. @throws DomainError CURSOR_MALFORMED */
  execute({ surveyId, query: { limit, cursor }, position }: ListAnswers): Promise<Page<AnswerView>> {
    const list = this.cursors.of('survey-answers', { surveyId });
    const place = list.read(cursor, isTwoTexts);
    const filter: Filter = { surveyId, ...(place && after(place)) };
    return this.models.read(surveyAnswers, position, async ({ documents }) => {
      const found = await documents.find(filter, { sort: { answeredAt: -1, _id: -1 }, limit: limit + 1 });
      const page = list.page(found, limit, ({ answeredAt, answerId }): Place => [answeredAt, answerId]);
      return { ...page, items: page.items.map(answerView) };
    });
  }
}

const after = ([answeredAt, _id]: Place): Filter => ({
  $or: [{ answeredAt: { $lt: answeredAt } }, { answeredAt, _id: { $lt: _id } }],
});
