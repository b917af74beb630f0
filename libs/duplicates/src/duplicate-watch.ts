/**
 * Looks for duplicates of every customer whose record changed, and records the pairs that a person should look at.
 *
 * A look that finds nothing is no fact, so it leaves nothing in the log: how far the watch has come stands in the read
 * store, like a projection's checkpoint. It may be behind, or lost: looking again finds the same pairs, and the pair's
 * own stream knows that it was suspected on these very records. Who is merged already is not suspected. Two watches side by side do the same work twice, and
 * record it once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Follower } from '@timeline/composing';
import { CommandProcessor, CustomerGroups } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { backoffMs, delay, deriveId, errorCode, type Position } from '@timeline/kernel';
import { REVIEW_FROM } from '@timeline/matching';
import { ReadModels, type FeedNotice } from '@timeline/projecting';
import { ReadStore, type ReadCollection } from '@timeline/read-store';
import { duplicateDecider, duplicateStream, pairIdOf, pairOf } from './duplicate.decider.js';
import { DuplicateSearch, isCustomer, type FoundDuplicate } from './duplicate-search.js';
import { duplicateCandidatesProjection } from './projections/duplicate-candidates.projection.js';

const PAGE = 50;
const POLL_MS = 250;
/** Of one record: whoever has more has a fault in the file, not that many duplicates. */
const MOST_SUSPECTS = 20;

interface Progress {
  _id: string;
  _v: number;
  upTo: Position;
}

@Injectable()
export class DuplicateWatch implements Follower {
  constructor(
    private readonly models: ReadModels,
    private readonly events: EventStore,
    private readonly processor: CommandProcessor,
    private readonly search: DuplicateSearch,
    private readonly reads: ReadStore,
    private readonly groups: CustomerGroups,
  ) {}

  async follow(signal: AbortSignal, report: (notice: FeedNotice) => void): Promise<void> {
    for (let attempt = 0; !signal.aborted;) {
      try {
        const looked = await this.round(signal);
        attempt = 0;
        if (looked === 0) await delay(POLL_MS, signal);
      } catch (error) {
        if (attempt === 0)
          report({
            level: 'warn',
            projection: duplicateCandidatesProjection.name,
            code: errorCode(error),
            message: 'the watch for duplicates could not go on; trying again',
          });
        await delay(backoffMs(attempt++), signal);
      }
    }
  }

  /** Looks at one page of changed records; answers how many there were. */
  async round(signal?: AbortSignal): Promise<number> {
    const progress = this.#progress();
    // Of another log, or another way of comparing, everything is looked at anew.
    const id = `${this.events.logId}-${duplicateCandidatesProjection.version}`;
    const before = await progress.findOne({ _id: id });
    const changed = { $gt: before?.upTo ?? '' };
    const first = await this.models.read(duplicateCandidatesProjection, undefined, ({ documents }) =>
      documents.findOne({ changed }),
    );
    if (!first) return 0;
    // What changed up to a head is all there once the projection has passed that head.
    const head = await this.events.head();
    if (!head) return 0;
    const page = await this.models.read(duplicateCandidatesProjection, head.position, ({ documents }) =>
      documents.find({ changed: { ...changed, $lte: head.position } }, { sort: { changed: 1 }, limit: PAGE }),
    );
    for (const doc of page) {
      if (signal?.aborted) return 0;
      if (!isCustomer(doc)) continue;
      const found = await this.search.find(doc.features, {
        from: REVIEW_FROM,
        limit: MOST_SUSPECTS,
        except: await this.groups.membersOf(doc.customerId, head.position),
      });
      for (const other of found) await this.#suspect(doc.customerId, doc.changed, other);
      await nextTurn();
    }
    const upTo = page.length < PAGE ? head.position : page.at(-1)?.changed;
    if (upTo === undefined) return 0;
    await progress.writeGuarded([
      {
        doc: { _id: id, _v: (before?._v ?? 0) + 1, upTo },
        guard: before ? { path: '_v', equals: before._v } : 'absent',
      },
    ]);
    return page.length;
  }

  async #suspect(customerId: string, changed: Position, other: FoundDuplicate): Promise<void> {
    const customers = pairOf(customerId, other.customerId);
    const asOf: [Position, Position] =
      customers[0] === customerId ? [changed, other.changed] : [other.changed, changed];
    const pairId = pairIdOf(customers);
    const commandId = deriveId('suspect-duplicate', pairId, ...asOf);
    await this.processor.execute({
      decider: duplicateDecider,
      stream: duplicateStream(pairId),
      id: pairId,
      command: {
        type: 'suspect',
        customers,
        probability: Number(other.match.probability.toFixed(6)),
        namesakes: other.namesakes,
        model: other.model,
        asOf,
      },
      context: {
        commandId,
        bodyHash: commandId,
        actor: 'duplicate-watch',
        correlationId: commandId,
        causationId: commandId,
      },
    });
  }

  #progress(): ReadCollection<Progress> {
    return this.reads.collection<Progress>('duplicate-watch');
  }
}
