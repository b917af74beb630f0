/** The interactions slice: calls, messages, visits and whatever else passes between a customer and us. */
import type { Slice } from '@timeline/composing';
import { EntityStreams, Intake } from '@timeline/deciding';
import { recordInteraction, RecordInteractionHandler } from './commands/record-interaction.command.js';
import { InteractionsCommandController, InteractionsQueryController } from './interactions.controller.js';
import { interactionsPublicEvents } from './interactions.public-events.js';
import { GetInteractionHandler } from './queries/get-interaction.query.js';

export const interactionsSlice = {
  name: 'interactions',
  commandTypes: [recordInteraction],
  commandProviders: [Intake, RecordInteractionHandler],
  commandControllers: [InteractionsCommandController],
  queryProviders: [EntityStreams, GetInteractionHandler],
  queryControllers: [InteractionsQueryController],
  publicEvents: [interactionsPublicEvents],
} satisfies Slice;
