/**
 * The review queue, the likeliest first. A pair of which one is erased is not shown, nor does anybody have to look at one
 * that was merged since, or whose records have changed so that nothing speaks for it any more: it is there again when
 * that is undone.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerGroups } from '@timeline/deciding';
import { Cursors, OneOf, Optional, PageQuery, type Page } from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { REVIEW_FROM } from '@timeline/matching';
import { ReadModels } from '@timeline/projecting';
import { afterKeyset, type Sort } from '@timeline/read-store';
import { DuplicateSearch, probabilityOf } from '../duplicate-search.js';
import {
  DUPLICATE_STATUSES,
  duplicatesProjection,
  type DuplicateDocument,
  type DuplicateStatus,
} from '../projections/duplicates.projection.js';
import { reviewedDuplicate, type ReviewedDuplicate } from './duplicate-views.js';

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
/** Pairs that are settled already are passed over, but not for ever: after so many a page is answered as it is. */
const MOST_SCANNED = 1_000;
const SCANNED_AT_ONCE = 200;
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
    for (let scanned = 0, isMore = true; isMore && shown.length <= limit;) {
      if (place && scanned >= MOST_SCANNED) return list.upTo(shown, place);
      const asked = scanned === 0 ? limit + 1 : SCANNED_AT_ONCE;
      const pairs = await this.#page(status, asked, place, position);
      shown.push(...(await this.#toShow(pairs, status, position)));
      const last = pairs.at(-1);
      if (last) place = placeOf(last);
      scanned += pairs.length;
      isMore = pairs.length === asked;
    }
    return list.page(shown, limit, placeOf);
  }

  async #toShow(
    pairs: readonly DuplicateDocument[],
    status: DuplicateStatus,
    position: string | undefined,
  ): Promise<ReviewedDuplicate[]> {
    const customers = await this.search.customers(
      pairs.flatMap((pair) => pair.customers),
      position,
    );
    const known = pairs.flatMap((pair) => {
      const [a, b] = pair.customers.map((id) => customers.get(id)?.features);
      return a && b ? [{ pair, a, b }] : [];
    });
    const reviewed = ({ pair, a, b }: (typeof known)[number]): ReviewedDuplicate => reviewedDuplicate(pair, a, b);
    if (status !== 'suspected') return known.map(reviewed);
    // The watch says it of a pair a moment later; nobody has to look at it until then.
    const likely = known.filter(({ pair, a, b }) => probabilityOf(a, b, pair.namesakes) >= REVIEW_FROM);
    const groups = await this.groups.membersOfAll(
      likely.map(({ pair }) => pair.customers[0]),
      position,
    );
    return likely.filter(({ pair: { customers } }) => !groups.get(customers[0])?.includes(customers[1])).map(reviewed);
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
