/**
 * What a slice gives to the product: one object, so that the apps compose slices without knowing what is in them.
 * `ROLES` decides which of its parts a process uses.
 */
import type { Provider, Type } from '@nestjs/common';
import type { AnyCommandType } from '@timeline/deciding';
import type { Upcaster } from '@timeline/kernel';
import type { AnyProjection } from '@timeline/projecting';
import type { AnyReaction } from '@timeline/reacting';
import type { PublicEventMapping } from '@timeline/relaying';
import type { Follower } from './follower.js';
import type { MetricSource } from './metric-source.js';

export interface Slice {
  name: string;
  /** In `/v1/commands` and imports too. */
  commandTypes?: readonly AnyCommandType[];
  /** Nest providers that commands need: `@CommandHandler`s and services. */
  commandProviders?: readonly Provider[];
  commandControllers?: readonly Type[];
  /** Nest providers that queries need: `@QueryHandler`s and services. */
  queryProviders?: readonly Provider[];
  queryControllers?: readonly Type[];
  /** Those that its reactions read among them. */
  projections?: readonly AnyProjection[];
  /** Injectable classes; the app makes them and gives them to the pump. */
  reactions?: readonly Type<AnyReaction>[];
  /** Injectable classes; the app makes them and runs them where reactions run. */
  followers?: readonly Type<Follower>[];
  /** Injectable classes; the app gives all of them to the metrics controller. */
  metricSources?: readonly Type<MetricSource>[];
  publicEvents?: readonly PublicEventMapping[];
  upcasters?: readonly Upcaster[];
}
