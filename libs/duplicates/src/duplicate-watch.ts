/**
 * Looks for duplicates of every customer whose record changed, records the pairs that a person should look at, and clears
 * those that nothing speaks for any more.
 *
 * A look that finds nothing is no fact, so it leaves nothing in the log: how far the watch has come stands in the read
 * store, like a projection's checkpoint. It may be behind, or lost: looking again finds the same pairs, and the pair's
 * own stream knows that it was suspected, or cleared, on these very records. Who is merged already is not suspected. Two
 * watches side by side do the same work twice, and record it once.
 *
 * Each suspicion is looked at once more when the read model shows it: another watch may have raised it by what a record
 * was before a change that has been looked at already.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Follower } from '@timeline/composing';
import { CommandProcessor, CustomerGroups } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { backoffMs, delay, deriveId, errorCode, type Position } from '@timeline/kernel';
import { defaultModel, REVIEW_FROM } from '@timeline/matching';
import { ReadModels, type FeedNotice, type Projection, type Stored } from '@timeline/projecting';
import { ReadStore, type Filter, type ReadCollection } from '@timeline/read-store';
import { duplicateDecider, duplicateStream, pairIdOf, pairOf, type DuplicateCommand } from './duplicate.decider.js';
import { DuplicateSearch, isCustomer, probabilityOf, type FoundDuplicate } from './duplicate-search.js';
import {
  duplicateCandidatesProjection,
  type CandidateDocument,
} from './projections/duplicate-candidates.projection.js';
import { duplicatesProjection, type DuplicateDocument } from './projections/duplicates.projection.js';

const PAGE = 50;
const POLL_MS = 250;
/** Of one record: whoever has more has a fault in the file, not that many duplicates. */
const MOST_SUSPECTS = 20;

interface Progress {
  _id: string;
  _v: number;
  upTo: Position;
}

/** What waits in a read model to be looked at, in the order of positions. */
interface Waiting<Doc extends object> {
  // Only name and types matter here; any event type will do.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  projection: Projection<Doc, any, never>;
  where: Filter;
  path: string;
  positionOf(doc: Doc): Position | undefined;
}

const changedRecords: Waiting<CandidateDocument> = {
  projection: duplicateCandidatesProjection,
  where: {},
  path: 'changed',
  positionOf: ({ changed }) => changed,
};
const newSuspicions: Waiting<DuplicateDocument> = {
  projection: duplicatesProjection,
  where: { status: 'suspected' },
  path: 'raised',
  positionOf: ({ raised }) => raised,
};

const rounded = (probability: number): number => Number(probability.toFixed(6));

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

  /** Looks at one page of changed records, and one of new suspicions; answers how many there were. */
  async round(signal?: AbortSignal): Promise<number> {
    // Of another log, or another way of comparing, everything is looked at anew.
    const id = `${this.events.logId}-${duplicateCandidatesProjection.version}`;
    const records = await this.#goOn(id, changedRecords, signal, (record, head) => this.#lookAt(record, head));
    const pairsId = `${id}-pairs-${duplicatesProjection.version}`;
    const pairs = await this.#goOn(pairsId, newSuspicions, signal, (pair, head) => this.#clearUnlikely([pair], head));
    return records + pairs;
  }

  /** Goes through the next page of what waits; answers how much there was. */
  async #goOn<Doc extends object>(
    id: string,
    { projection, where, path, positionOf }: Waiting<Doc>,
    signal: AbortSignal | undefined,
    look: (doc: Stored & Doc, head: Position) => Promise<void>,
  ): Promise<number> {
    const progress = this.#progress();
    const before = await progress.findOne({ _id: id });
    const after = { $gt: before?.upTo ?? '' };
    const first = await this.models.read(projection, undefined, ({ documents }) =>
      documents.findOne({ ...where, [path]: after }),
    );
    if (!first) return 0;
    // What is there up to a head is all there once the projection has passed that head.
    const head = (await this.events.head())?.position;
    if (head === undefined) return 0;
    const page = await this.models.read(projection, head, ({ documents }) =>
      documents.find({ ...where, [path]: { ...after, $lte: head } }, { sort: { [path]: 1 }, limit: PAGE }),
    );
    for (const doc of page) {
      if (signal?.aborted) return 0;
      await look(doc, head);
      await nextTurn();
    }
    const last = page.at(-1);
    const upTo = page.length < PAGE || !last ? head : positionOf(last);
    if (upTo === undefined) return 0;
    await progress.writeGuarded([
      {
        doc: { _id: id, _v: (before?._v ?? 0) + 1, upTo },
        guard: before ? { path: '_v', equals: before._v } : 'absent',
      },
    ]);
    return page.length;
  }

  async #lookAt(record: CandidateDocument, head: Position): Promise<void> {
    if (!isCustomer(record)) return;
    const { customerId, features, changed } = record;
    const found = await this.search.find(features, {
      from: REVIEW_FROM,
      limit: MOST_SUSPECTS,
      except: await this.groups.membersOf(customerId, head),
    });
    for (const other of found) await this.#suspect(customerId, changed, other);
    await this.#clearUnlikely(await this.#pairsOf(customerId), head);
  }

  /** All that the customer was ever suspected in, as far as the read model has come: what is new there is looked at then. */
  #pairsOf(customerId: string): Promise<DuplicateDocument[]> {
    return this.models.read(duplicatesProjection, undefined, async ({ documents }) => [
      ...(await documents.find({ _id: { $prefix: `${customerId}.` } })),
      ...(await documents.find({ second: customerId })),
    ]);
  }

  async #clearUnlikely(pairs: readonly DuplicateDocument[], head: Position): Promise<void> {
    const suspected = pairs.filter(({ status }) => status === 'suspected');
    if (suspected.length === 0) return;
    const customers = await this.search.customers(
      suspected.flatMap((pair) => pair.customers),
      head,
    );
    for (const { pairId, customers: ids, namesakes } of suspected) {
      const [a, b] = [customers.get(ids[0]), customers.get(ids[1])];
      // A pair of which one is gone is shown to nobody and counted nowhere.
      if (!a || !b) continue;
      const probability = probabilityOf(a.features, b.features, namesakes);
      if (probability >= REVIEW_FROM) continue;
      const asOf: [Position, Position] = [a.changed, b.changed];
      const model = defaultModel(a.features.kind).version;
      await this.#record(pairId, { type: 'clear', probability: rounded(probability), model, asOf });
    }
  }

  async #suspect(customerId: string, changed: Position, other: FoundDuplicate): Promise<void> {
    const customers = pairOf(customerId, other.customerId);
    const asOf: [Position, Position] =
      customers[0] === customerId ? [changed, other.changed] : [other.changed, changed];
    const { match, namesakes, model } = other;
    const probability = rounded(match.probability);
    await this.#record(pairIdOf(customers), { type: 'suspect', customers, probability, namesakes, model, asOf });
  }

  async #record(pairId: string, command: Extract<DuplicateCommand, { type: 'suspect' | 'clear' }>): Promise<void> {
    const commandId = deriveId(`${command.type}-duplicate`, pairId, ...command.asOf);
    await this.processor.execute({
      decider: duplicateDecider,
      stream: duplicateStream(pairId),
      id: pairId,
      command,
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
