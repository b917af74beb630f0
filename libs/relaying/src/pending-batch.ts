/** What the next transaction will hold, and when it has to go out. */
import type { JsonObject } from '@timeline/kernel';
import type { PublicationCheckpoint, PublicMessage } from '@timeline/messaging';
import { messageBytes } from '@timeline/messaging';
import type { Translation } from './event-translator.js';

export interface BatchLimits {
  /** Messages in one transaction. */
  messages: number;
  /** Bytes in one transaction, before compression. */
  bytes: number;
  /** How long the first event of a batch waits for others while catching up, in milliseconds. */
  waitMs: number;
  /** The same once the log's end has been reached. */
  lingerMs: number;
  /** How long the checkpoint alone may wait: events of which nothing is public. */
  checkpointMs: number;
}

export const DEFAULT_LIMITS: BatchLimits = {
  messages: 6_000,
  bytes: 4 * 1024 * 1024,
  waitMs: 10_000,
  lingerMs: 20,
  checkpointMs: 1_000,
};

export class PendingBatch {
  messages: PublicMessage[] = [];
  stateChanges = new Map<string, JsonObject | null>();
  /** Undefined while nothing is pending. */
  checkpoint: PublicationCheckpoint | undefined;
  #bytes = 0;
  #since = 0;

  add({ messages, stateChanges }: Translation, checkpoint: PublicationCheckpoint): void {
    // What waits is the first message; a checkpoint that waited before it does not hurry it.
    if (!this.checkpoint || (this.messages.length === 0 && messages.length > 0)) this.#since = performance.now();
    this.checkpoint = checkpoint;
    for (const message of messages) {
      this.messages.push(message);
      this.#bytes += messageBytes(message);
    }
    for (const [key, value] of stateChanges) this.stateChanges.set(key, value);
  }

  /** `scale` (0–1) shrinks the limits. */
  isFull({ messages, bytes }: BatchLimits, scale = 1): boolean {
    return this.messages.length >= Math.max(1, messages * scale) || this.#bytes >= bytes * scale;
  }

  /** Milliseconds until it has to go out; undefined while nothing is pending. */
  dueInMs({ waitMs, lingerMs, checkpointMs }: BatchLimits, isLive: boolean): number | undefined {
    if (!this.checkpoint) return undefined;
    const limit = this.messages.length === 0 ? checkpointMs : isLive ? lingerMs : waitMs;
    return Math.max(0, limit - (performance.now() - this.#since));
  }
}
