/** What a customer's loyalty comes to, now or at a later instant: points that expire until then are not counted. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { fieldTypes, Id, Instant, ListOf, Nested, NestedArray, Optional, Whole } from '@timeline/http';
import { Clock, DomainError, toInstant } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { MAX_EXPIRY_INSTANTS } from '../loyalty.decider.js';
import { balanceAt, openAt } from '../projections/customer-loyalty.js';
import { loyaltyKey, LoyaltyProjection } from '../projections/loyalty.projection.js';

/** More than were ever merged; a group has no bound of its own. */
const MAX_MEMBERS = 10_000;

export class LoyaltyQuery {
  /** Now where absent. Not before the latest of what is counted. */
  @Optional()
  @Instant()
  asOf?: string;
}

export class OpenPointsView {
  @Whole({ min: 1 })
  points: number;

  /** They can be spent until just before it; for good where absent. */
  @Optional()
  @Instant()
  expiresAt?: string;
}

/** Cancelled ones are not in it. */
export class PurchasesView {
  @Whole({ min: 0 })
  count: number;

  /** Since when the customer is one who bought. */
  @Optional()
  @Instant()
  firstAt?: string;

  /** From then on the customer is one who came back. */
  @Optional()
  @Instant()
  secondAt?: string;
}

export class LoyaltyView {
  @Id()
  customerId: string;

  /** Whose points and purchases these are: of merged customers all. Each spends its own. */
  @ListOf(fieldTypes.id(), { max: MAX_MEMBERS })
  members: string[];

  @Instant()
  asOf: string;

  /** What can be spent at `asOf`. */
  @Whole({ min: 0 })
  balance: number;

  /** What the balance is made of, soonest to expire first. */
  @NestedArray(() => OpenPointsView, { max: (MAX_EXPIRY_INSTANTS + 1) * MAX_MEMBERS })
  lots: OpenPointsView[];

  /** All that was ever earned. */
  @Whole({ min: 0 })
  earned: number;

  /** All that was ever spent. */
  @Whole({ min: 0 })
  spent: number;

  @Nested(() => PurchasesView)
  purchases: PurchasesView;
}

export interface FoundLoyalty {
  view: LoyaltyView;
  /** Which state this is, for an `ETag`: of one document the open lots only ever become fewer. */
  version: [buildId: string, version: number, openLots: number];
}

export class GetLoyalty extends Query<FoundLoyalty> {
  constructor(
    readonly customerId: string,
    readonly asOf: string | undefined,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetLoyalty)
export class GetLoyaltyHandler implements IQueryHandler<GetLoyalty> {
  constructor(
    private readonly models: ReadModels,
    private readonly projection: LoyaltyProjection,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, AS_OF_TOO_EARLY */
  execute({ customerId, asOf: wanted, position }: GetLoyalty): Promise<FoundLoyalty> {
    return this.models.read(this.projection, position, async ({ buildId, derived, isErased }) => {
      const stored = await derived.get(loyaltyKey(customerId));
      if (!stored) {
        if (await isErased(customerId)) throw new DomainError('CUSTOMER_ERASED', 'this customer was erased');
        throw new DomainError('CUSTOMER_NOT_FOUND', 'there is no customer with this id');
      }
      const { members, earned, spent, purchases, latest = '' } = stored;
      if (wanted !== undefined && wanted < latest) {
        throw new DomainError(
          'AS_OF_TOO_EARLY',
          `this figure counts what happened until ${latest}; ask for then or later`,
          {
            pointer: '/asOf',
          },
        );
      }
      const now = toInstant(this.clock.now());
      // What happened a little ahead of this machine's clock has happened.
      const asOf = wanted ?? (now > latest ? now : latest);
      const lots = openAt(stored, asOf);
      const { first, second } = purchases;
      return {
        view: {
          customerId,
          members,
          asOf,
          balance: balanceAt(stored, asOf),
          lots,
          earned,
          spent,
          purchases: {
            count: purchases.count,
            ...(first && { firstAt: first.at }),
            ...(second && { secondAt: second.at }),
          },
        },
        version: [buildId, stored._c, lots.length],
      };
    });
  }
}
