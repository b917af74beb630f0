/** One version of a field's standard, the latest unless another is named. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Clock, DomainError, toInstant } from '@timeline/kernel';
import { StandardsInForce } from '../standards-in-force.js';
import { standardViews, type StandardView } from './standard-view.js';

export interface FoundStandard {
  view: StandardView;
  /** Of the stream: what `If-Match` of the next version asks for. */
  revision: number;
}

export class GetStandard extends Query<FoundStandard> {
  constructor(
    readonly field: string,
    readonly version?: number,
  ) {
    super();
  }
}

@QueryHandler(GetStandard)
export class GetStandardHandler implements IQueryHandler<GetStandard> {
  constructor(
    private readonly standards: StandardsInForce,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError STANDARD_NOT_FOUND */
  async execute({ field, version }: GetStandard): Promise<FoundStandard> {
    const versions = standardViews(await this.standards.versionsOf(field), toInstant(this.clock.now()));
    const view = version === undefined ? versions.at(-1) : versions[version - 1];
    if (!view) {
      const what = version === undefined ? 'no standard' : `no version ${version} of a standard`;
      throw new DomainError('STANDARD_NOT_FOUND', `there is ${what} for ${field}`);
    }
    return { view, revision: versions.length - 1 };
  }
}
