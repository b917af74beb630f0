/** The facts about interactions, one stream each: `interaction-{id}`. */
import type { Fact } from '@timeline/kernel';

export const CHANNELS = [
  'phone',
  'email',
  'visit',
  'wechat',
  'weibo',
  'chat',
  'app',
  'web',
  'store',
  'event',
  'campaign',
  'survey',
  'mini-program',
  'social',
] as const;
export type Channel = (typeof CHANNELS)[number];

export interface Attachment {
  name: string;
  url: string;
  mediaType?: string;
}

export type InteractionEvent = Fact<
  'InteractionRecorded',
  {
    interactionId: string;
    channel: Channel;
    direction: 'inbound' | 'outbound';
    /** What it was, e.g. `call`, `visit`, `newsletter-opened`. */
    kind: string;
    agent?: string;
    durationSeconds?: number;
    outcome?: string;
    /** Interactions of one conversation, over channels. */
    threadId?: string;
    sourceId?: string;
    /** Keyed hash of what was delivered, with `sourceId`: a second delivery with the same one says the same. */
    payloadHash?: string;
  },
  { subject?: string; body?: string; attachments?: Attachment[] }
>;
