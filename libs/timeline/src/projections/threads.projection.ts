/**
 * Conversations: the timeline entries of interactions that share a `threadId`, whatever the channel and whoever they came
 * in under. A read model of its own, so that the timeline of everybody needs no index for the few entries that have one.
 */
import { customersOf, type Fact, type Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { InteractionEvent } from '../../../interactions/src/interactions.events.js';
import { entryOf, timelineKey, type TimelineEntry } from './timeline.projection.js';

export interface ThreadEntry extends TimelineEntry {
  threadId: string;
}

const threadOf = (event: Recorded<Fact>): string | undefined =>
  // The runner hands over only the type handled.
  (event as unknown as Recorded<InteractionEvent>).data.threadId;

export const threadsProjection: Projection<ThreadEntry, Fact> = {
  name: 'threads',
  version: 1,
  handles: ['InteractionRecorded'] satisfies InteractionEvent['type'][],
  indexes: [{ name: 'thread', key: { threadId: 1, at: 1, position: 1 } }],
  appendOnly: true,
  keysBeginWithOwner: true,

  keys: (event) =>
    threadOf(event) === undefined
      ? []
      : customersOf(event).map((customerId) => ({
          key: timelineKey(customerId, event.id),
          owner: customerOwner(customerId),
        })),

  evolve(doc, event, key) {
    const threadId = threadOf(event);
    if (threadId === undefined) return doc;
    return { ...entryOf(event as Recorded<InteractionEvent>, key.slice(0, key.indexOf('/'))), threadId };
  },
};
