/** All surveys by their ids. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Cursors, type Page, type PageQuery } from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { surveys } from '../projections/surveys.projection.js';
import { surveyView, type SurveyView } from './survey-view.js';

export class ListSurveys extends Query<Page<SurveyView>> {
  constructor(
    readonly query: PageQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const isText = (value: JsonValue): value is string => typeof value === 'string';

@QueryHandler(ListSurveys)
export class ListSurveysHandler implements IQueryHandler<ListSurveys> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED */
  execute({ query: { limit, cursor }, position }: ListSurveys): Promise<Page<SurveyView>> {
    const list = this.cursors.of('surveys');
    const last = list.read(cursor, isText);
    const after = last === undefined ? {} : { _id: { $gt: last } };
    return this.models.read(surveys, position, async ({ documents }) => {
      const found = await documents.find(after, { sort: { _id: 1 }, limit: limit + 1 });
      const page = list.page(found, limit, ({ surveyId }) => surveyId);
      return { ...page, items: page.items.map(surveyView) };
    });
  }
}
