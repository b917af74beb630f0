/** One customer's profile. Whether there is such a customer is asked of the streams, so a profile under way is no 404. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { DomainError } from '@timeline/kernel';
import { contentOf, ReadModels, type StoredDerived } from '@timeline/projecting';
import { customerStream } from '../customer.decider.js';
import type { Profile } from '../projections/profile-document.js';
import { profileProjection } from '../projections/profile.projection.js';
import { profileView, type CustomerProfile } from './customer-view.js';

interface Found<P> {
  profile: P;
  /** Build and content version, for an `ETag`. */
  version: [buildId: string, version: number];
}
export type FoundCustomer = Found<CustomerProfile>;
export type StoredProfile = Found<Profile>;

type Show<P> = (stored: StoredDerived & Profile) => P;

export class GetCustomer extends Query<FoundCustomer> {
  constructor(
    readonly customerId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetCustomer)
export class GetCustomerHandler implements IQueryHandler<GetCustomer> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly models: ReadModels,
    private readonly events: EventStore,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, POSITION_NOT_REACHED */
  async execute({ customerId, position }: GetCustomer): Promise<FoundCustomer> {
    return this.#find(customerId, position, profileView);
  }

  /** With what is not shown. @throws as `execute` */
  find(customerId: string, position: string | undefined): Promise<StoredProfile> {
    return this.#find(customerId, position, contentOf);
  }

  async #find<P>(customerId: string, position: string | undefined, show: Show<P>): Promise<Found<P>> {
    await this.directory.resolve({ customerId });
    const found = (await this.#read(customerId, position, show)) ?? (await this.#readSince(customerId, show));
    if (found) return found;
    // Erased meanwhile, or not to be shown yet.
    await this.directory.resolve({ customerId });
    throw new DomainError('POSITION_NOT_REACHED', 'this customer has no profile yet; try again in a moment');
  }

  #read<P>(customerId: string, position: string | undefined, show: Show<P>): Promise<Found<P> | undefined> {
    return this.models.read(profileProjection, position, async ({ buildId, derived }) => {
      const stored = await derived.get(customerId);
      return stored && { profile: show(stored), version: [buildId, stored._c] };
    });
  }

  /** The customer is registered, but the read model has not come that far: waits for it. */
  async #readSince<P>(customerId: string, show: Show<P>): Promise<Found<P> | undefined> {
    const [last] = await this.events.readStream(customerStream(customerId), { direction: 'backwards', limit: 1 });
    return last && this.#read(customerId, last.position, show);
  }
}
