/**
 * A customer's profile as of a moment: the profile's own fold over the events of that moment, so that it equals a replay.
 * Whoever is erased by now is not shown, whatever was known then: that data is gone.
 */
import { ModuleRef } from '@nestjs/core';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { History, partsAsOf, type AsOf } from '@timeline/as-of';
import { CustomerDirectory } from '@timeline/deciding';
import { DomainError } from '@timeline/kernel';
import { profileOf, type Profile } from '../projections/profile-document.js';
import { profileProjection } from '../projections/profile.projection.js';
import { profileView, type CustomerProfile } from './customer-view.js';

export class GetCustomerAsOf extends Query<CustomerProfile> {
  constructor(
    readonly customerId: string,
    readonly asked: AsOf,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetCustomerAsOf)
export class GetCustomerAsOfHandler implements IQueryHandler<GetCustomerAsOf> {
  constructor(
    private readonly directory: CustomerDirectory,
    /** For the history, which another slice provides: only a question about the past needs it. */
    private readonly modules: ModuleRef,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and as `History` */
  async execute({ customerId, asked, position }: GetCustomerAsOf): Promise<CustomerProfile> {
    return profileView(await this.find(customerId, asked, position));
  }

  /** With what is not shown. @throws as `execute` */
  async find(customerId: string, asked: AsOf, position: string | undefined): Promise<Profile> {
    await this.directory.resolve({ customerId });
    const history = this.modules.get<History>(History, { strict: false });
    const parts = await partsAsOf(history, profileProjection, customerId, asked, position);
    // After the events were opened: whoever was erased in between must not be shown, not even in part.
    await this.directory.resolve({ customerId });
    const profile = profileOf(customerId, parts);
    if (profile) return profile;
    throw new DomainError('CUSTOMER_NOT_FOUND', 'no such customer was known at that moment');
  }
}
