/** The merges of a customer, open and undone, the latest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CommandProcessor, CustomerDirectory } from '@timeline/deciding';
import { Cursors, PageQuery, type Page } from '@timeline/http';
import type { JsonValue } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { mergeDecider, mergeStream } from '../merge.decider.js';
import { groupsProjection } from '../projections/groups.projection.js';
import { mergeView, type MergeView } from './merge-view.js';

export class ListMerges extends Query<Page<MergeView>> {
  constructor(
    readonly customerId: string,
    readonly page: PageQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

/** Position of the merge that the page before ended with. */
const isPosition = (value: JsonValue): value is string => typeof value === 'string';

@QueryHandler(ListMerges)
export class ListMergesHandler implements IQueryHandler<ListMerges> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly processor: CommandProcessor,
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, CURSOR_MALFORMED */
  async execute({ customerId, page: { limit, cursor }, position }: ListMerges): Promise<Page<MergeView>> {
    await this.directory.resolve({ customerId });
    const list = this.cursors.of('merges', { customerId });
    const before = list.read(cursor, isPosition);
    const { merges = {} } =
      (await this.models.read(groupsProjection, position, ({ documents }) => documents.get(customerId))) ?? {};
    const found = Object.entries(merges)
      .map(([mergeId, { from }]) => ({ mergeId, from }))
      .filter(({ from }) => before === undefined || from < before)
      .sort((a, b) => (a.from > b.from ? -1 : 1))
      .slice(0, limit + 1);
    const { items, ...next } = list.page(found, limit, ({ from }): string => from);
    const views = await Promise.all(
      // From their own streams: what the read model does not need is not kept in it.
      items.map(async ({ mergeId }) =>
        mergeView((await this.processor.load(mergeDecider, mergeStream(mergeId))).events),
      ),
    );
    return { ...next, items: views.filter((view) => view !== undefined) };
  }
}
