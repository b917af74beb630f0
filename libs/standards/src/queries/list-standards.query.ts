/** The standards in force and those to come, read from their streams: there are few, and what was published is there at once. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Clock, toInstant } from '@timeline/kernel';
import { inForceAt, StandardsInForce } from '../standards-in-force.js';
import { standardViews, type StandardView } from './standard-view.js';

export class ListStandards extends Query<StandardView[]> {}

@QueryHandler(ListStandards)
export class ListStandardsHandler implements IQueryHandler<ListStandards> {
  constructor(
    private readonly standards: StandardsInForce,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<StandardView[]> {
    const now = toInstant(this.clock.now());
    // One whose place a later version takes before its time comes will never be in force.
    return (await this.standards.published()).flatMap((versions) =>
      standardViews(versions, now).filter(
        ({ inForce, from, version }) => inForce || (from > now && inForceAt(versions, from)?.version === version),
      ),
    );
  }
}
