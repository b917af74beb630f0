/**
 * The review queue, the likeliest first. A pair of which one is erased is not shown, nor does anybody have to look at one
 * that was merged since, or whose records have changed so that nothing speaks for it any more: it is there again when
 * that is undone.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerGroups } from '@timeline/deciding';
import { Cursors, OneOf, Optional, PageQuery, type Page } from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { REVIEW_FROM, type Features } from '@timeline/matching';
import { ReadModels } from '@timeline/projecting';
import { afterKeyset, type Sort } from '@timeline/read-store';
import { DuplicateSearch } from '../duplicate-search.js';
import {
  DUPLICATE_STATUSES,
  duplicatesProjection,
  type DuplicateDocument,
  type DuplicateStatus,
} from '../projections/duplicates.projection.js';
import { judgePair, reviewedDuplicate, type ReviewedDuplicate } from './duplicate-views.js';

export class DuplicatesParams extends PageQuery {
  @Optional()
  @OneOf(DUPLICATE_STATUSES)
  status: DuplicateStatus = 'suspected';
}

export class ListDuplicates extends Query<Page<ReviewedDuplicate>> {
  constructor(
    readonly params: DuplicatesParams,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const SORT: Sort = { probability: -1, _id: 1 };
/** Where a page ended. */
type Place = [probability: number, pairId: string];
const isPlace = (value: JsonValue): value is Place =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'string';

@QueryHandler(ListDuplicates)
export class ListDuplicatesHandler implements IQueryHandler<ListDuplicates> {
  constructor(
    private readonly models: ReadModels,
    private readonly search: DuplicateSearch,
    private readonly cursors: Cursors,
    private readonly groups: CustomerGroups,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED */
  async execute({ params, position }: ListDuplicates): Promise<Page<ReviewedDuplicate>> {
    const { status, limit, cursor } = params;
    const list = this.cursors.of('duplicates', params);
    let place = list.read(cursor, isPlace);
    const shown: ReviewedDuplicate[] = [];
    for (let isMore = true; isMore && shown.length <= limit;) {
      const pairs = await this.#page(status, limit + 1, place, position);
      const customers = await this.search.customers(
        pairs.flatMap((pair) => pair.customers),
        position,
      );
      for (const pair of pairs) {
        const [a, b] = pair.customers.map((id) => customers.get(id)?.features);
        if (a && b && !(status === 'suspected' && (await this.#isSettled(pair, a, b, position))))
          shown.push(reviewedDuplicate(pair, a, b));
      }
      const last = pairs.at(-1);
      isMore = pairs.length > limit;
      if (last) place = placeOf(last);
    }
    return list.page(shown, limit, placeOf);
  }

  async #isSettled(
    { customers: [one, other], namesakes }: DuplicateDocument,
    a: Features,
    b: Features,
    position: string | undefined,
  ): Promise<boolean> {
    if (a.kind !== b.kind || judgePair(a, b, namesakes).probability < REVIEW_FROM) return true;
    return (await this.groups.membersOf(one, position)).includes(other);
  }

  #page(
    status: DuplicateStatus,
    limit: number,
    place: Place | undefined,
    position: string | undefined,
  ): Promise<DuplicateDocument[]> {
    const after = place ? [afterKeyset(SORT, { probability: place[0], _id: place[1] })] : [];
    return this.models.read(duplicatesProjection, position, ({ documents }) =>
      documents.find({ $and: [{ status }, ...after] }, { sort: SORT, limit }),
    );
  }
}

const placeOf = ({ probability, pairId }: Pick<DuplicateDocument, 'probability' | 'pairId'>): Place => [
  probability,
  pairId,
];
