/** One erasure from the register. Whether the customer was erased is asked of the streams, so one under way is no 404. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { DomainError, errorCode } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { customerStream } from '../customer.decider.js';
import { erasureProjection, isCarriedOut, type ErasureDocument } from '../projections/erasure.projection.js';
import type { ErasureView } from './erasure-view.js';

export class GetErasure extends Query<ErasureView> {
  constructor(
    readonly customerId: string,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetErasure)
export class GetErasureHandler implements IQueryHandler<GetErasure> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly models: ReadModels,
    private readonly events: EventStore,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, ERASURE_NOT_FOUND, POSITION_NOT_REACHED */
  async execute({ customerId, position }: GetErasure): Promise<ErasureView> {
    const document = (await this.#read(customerId, position)) ?? (await this.#readSince(customerId));
    const { erasedAt, erasedWith, carriedOutAt, certifiedAt, certificate } = document;
    return {
      customerId,
      state: certificate ? 'certified' : isCarriedOut(document) ? 'carried-out' : 'erased',
      erasedAt,
      ...(erasedWith !== undefined && { erasedWith }),
      ...(carriedOutAt !== undefined && { carriedOutAt }),
      ...(certifiedAt !== undefined && { certifiedAt }),
      ...(document.dueAt !== undefined && {
        waitsFor: { instant: document.dueAt, builds: await this.#behind(document) },
      }),
      ...(certificate && { certificate }),
    };
  }

  #read(customerId: string, position: string | undefined): Promise<ErasureDocument | undefined> {
    return this.models.read(erasureProjection, position, ({ documents }) => documents.get(customerId));
  }

  /** Erased, but the register has not come that far: waits for it. */
  async #readSince(customerId: string): Promise<ErasureDocument> {
    if (!(await this.#isErased(customerId))) throw new DomainError('ERASURE_NOT_FOUND', 'this customer was not erased');
    const [last] = await this.events.readStream(customerStream(customerId), { direction: 'backwards', limit: 1 });
    const document = last && (await this.#read(customerId, last.position));
    if (document) return document;
    throw new DomainError('POSITION_NOT_REACHED', 'this erasure is not in the register yet; try again in a moment');
  }

  async #isErased(customerId: string): Promise<boolean> {
    try {
      await this.directory.resolve({ customerId });
      return false;
    } catch (error) {
      if (errorCode(error) === 'CUSTOMER_ERASED') return true;
      throw error;
    }
  }

  async #behind({ position }: ErasureDocument): Promise<NonNullable<ErasureView['waitsFor']>['builds']> {
    const builds = await this.models.buildsAgainst(position);
    return builds.filter(({ isPast }) => !isPast).map(({ isPast: _, ...behind }) => behind);
  }
}
