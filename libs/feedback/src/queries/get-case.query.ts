/** One case by its id. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DomainError } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { caseInbox } from '../projections/case-inbox.projection.js';
import { caseDetails, type CaseDetails } from './case-view.js';

export interface FoundCase {
  details: CaseDetails;
  /** Which state of which build this is, for an `ETag`. */
  version: [buildId: string, version: number];
}

export class GetCase extends Query<FoundCase> {
  constructor(
    readonly caseId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetCase)
export class GetCaseHandler implements IQueryHandler<GetCase> {
  constructor(private readonly models: ReadModels) {}

  /** @throws DomainError FEEDBACK_NOT_FOUND, CUSTOMER_ERASED */
  execute({ caseId, position }: GetCase): Promise<FoundCase> {
    return this.models.read(caseInbox, position, async ({ buildId, documents }) => {
      // Not through `documents.get`: what an erased customer leaves behind tells the case from one that never was.
      const stored = await documents.collection.findOne({ _id: caseId });
      if (stored?._x) throw new DomainError('CUSTOMER_ERASED', 'the customer of this case was erased');
      if (!stored?.caseId) throw new DomainError('FEEDBACK_NOT_FOUND', 'there is no feedback case with this id');
      return { details: caseDetails(stored), version: [buildId, stored._v] };
    });
  }
}
