/** The loyalty slice: a ledger of points with lots that expire, and who comes back to buy again. */
import type { Slice } from '@timeline/composing';
import { earnPoints, EarnPointsHandler } from './commands/earn-points.command.js';
import { spendPoints, SpendPointsHandler } from './commands/spend-points.command.js';
import { LoyaltyCommandController, LoyaltyQueryController } from './loyalty.controller.js';
import { LoyaltyMetrics } from './loyalty.metrics.js';
import { loyaltyPublicEvents } from './loyalty.public-events.js';
import { LoyaltyProjection } from './projections/loyalty.projection.js';
import { GetLoyaltyHandler } from './queries/get-loyalty.query.js';

/** `zone`: IANA name of the time zone that a day in a metric is a day in. */
export function loyaltySlice({ zone }: { zone: string }): Slice {
  const projection = new LoyaltyProjection(zone);
  return {
    name: 'loyalty',
    commandTypes: [earnPoints, spendPoints],
    commandProviders: [EarnPointsHandler, SpendPointsHandler],
    commandControllers: [LoyaltyCommandController],
    queryProviders: [{ provide: LoyaltyProjection, useValue: projection }, GetLoyaltyHandler],
    queryControllers: [LoyaltyQueryController],
    projections: [projection],
    metricSources: [LoyaltyMetrics],
    publicEvents: [loyaltyPublicEvents],
  };
}
