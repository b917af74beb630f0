/**
 * "Revert what source X said", or one import: customer by customer a compensating command, no stored event is touched.
 * Cut off, the same call goes on: what is taken back already is found to be.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, type CommandContext } from '@timeline/deciding';
import { EventStore } from '@timeline/event-store';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, errorCode, UnavailableError, type Position } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import type { Sayer } from '../told.events.js';
import { customerDecider, customerStream, type CustomerCommand, type CustomerState } from '../customer.decider.js';
import { IdentityRegistry } from '../identities/identity-registry.js';
import type { RevertCounts } from '../imports.events.js';
import { KnownCustomers } from '../known-customers.js';
import type { ProfilePart } from '../projections/profile-part.js';
import { byOf, provenanceProjection } from '../projections/provenance.projection.js';
import { partsOf } from './provenance.query.js';

export type RevertNews =
  { kind: 'progress'; counts: RevertCounts } | { kind: 'ended'; counts: RevertCounts; position?: Position };

const PAGE = 100;

@Injectable()
export class Reverts {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
    private readonly hashes: KeyedHashes,
    private readonly events: EventStore,
    private readonly models: ReadModels,
    private readonly known: KnownCustomers,
  ) {}

  /**
   * `dryRun`: tells what would become of the customers and writes nothing.
   * @throws DomainError POSITION_NOT_REACHED while the read models are behind; nothing was done then, or some of it
   */
  async *run(
    sayer: Sayer,
    field: string | undefined,
    actor: string,
    { dryRun = false }: { dryRun?: boolean } = {},
  ): AsyncGenerator<RevertNews, void, undefined> {
    // All that was said before the call is in there.
    const head = (await this.events.head())?.position;
    const counts: RevertCounts = { customers: 0, withdrawn: 0, retracted: 0, unchanged: 0 };
    let position: Position | undefined;
    for (let after: string | undefined; ;) {
      const page = await this.models.read(provenanceProjection, head, ({ documents }) =>
        documents.find(
          { by: byOf(sayer), ...(after !== undefined && { _id: { $gt: after } }) },
          { sort: { by: 1, _id: 1 }, limit: PAGE },
        ),
      );
      const ids = page.map(({ customerId }) => customerId);
      const parts = await partsOf(this.models, ids, head);
      const outcomes = await Promise.all(
        ids.map((customerId) => this.#one(customerId, parts.get(customerId), { sayer, field, actor, dryRun })),
      );
      for (const outcome of outcomes) {
        counts.customers += 1;
        counts[outcome.change] += 1;
        if (outcome.position !== undefined && (position === undefined || position < outcome.position))
          position = outcome.position;
      }
      after = page.at(-1)?._id;
      if (page.length < PAGE || after === undefined) break;
      yield { kind: 'progress', counts: { ...counts } };
    }
    yield { kind: 'ended', counts, ...(position && { position }) };
  }

  async #one(
    customerId: string,
    part: ProfilePart | undefined,
    { sayer, field, actor, dryRun }: { sayer: Sayer; field: string | undefined; actor: string; dryRun: boolean },
  ): Promise<{ change: Exclude<keyof RevertCounts, 'customers'>; position?: Position }> {
    const stream = customerStream(customerId);
    const { state: found, events } = await this.processor.load(customerDecider, stream);
    const before = events.at(-1)?.revision ?? -1;
    const command = {
      type: 'retract',
      customerId,
      sayer,
      ...(field !== undefined && { field }),
      isAlone: part !== undefined && isAlone(part),
    } as const;
    if (dryRun) return { change: wouldBe(command, found) };
    try {
      const { revision, position } = await this.known.ending(customerId, () =>
        this.processor.execute({
          decider: customerDecider,
          stream,
          id: customerId,
          command,
          context: this.#context(['revert', byOf(sayer), field ?? null, customerId, before], sayer, actor),
        }),
      );
      const { state } = await this.processor.load(customerDecider, stream);
      await this.#release(state.endedClaims);
      if (revision === before) return { change: 'unchanged' };
      return { change: state.isWithdrawn ? 'withdrawn' : 'retracted', position };
    } catch (error) {
      // Erased meanwhile, or an earlier withdrawal left nothing to answer with.
      if (['CUSTOMER_ERASED', 'NOTHING_TO_DO'].includes(errorCode(error))) return { change: 'unchanged' };
      throw error;
    }
  }

  /** What was given up is free for others at once; what is still owed is a reaction's to do. */
  async #release(ended: Readonly<Record<string, { hash?: string; retracted?: true }>>): Promise<void> {
    for (const [claim, { hash, retracted }] of Object.entries(ended)) {
      if (!retracted || hash === undefined) continue;
      try {
        await this.registry.release(hash, claim, 'removed');
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
      }
    }
  }

  #context(parts: readonly unknown[], sayer: Sayer, actor: string): CommandContext {
    const commandId = deriveId('revert', canonicalJson(parts));
    const bodyHash = this.hashes.hashBody(commandId);
    const correlationId = deriveId('revert', byOf(sayer));
    return { commandId, bodyHash, actor, correlationId, causationId: correlationId };
  }
}

/** What taking back does does not hang on when it is done, nor by whom. */
function wouldBe(
  command: Extract<CustomerCommand, { type: 'retract' }>,
  state: CustomerState,
): Exclude<keyof RevertCounts, 'customers'> {
  if (state.status === 'erased') return 'unchanged';
  const now = new Date(0).toISOString();
  const decisions = customerDecider.decide(command, state, { now, occurredAt: now, commandId: '', actor: '' });
  if (decisions.some(({ type }) => type === 'CustomerRegistrationWithdrawn')) return 'withdrawn';
  return decisions.length > 0 ? 'retracted' : 'unchanged';
}

/** Nobody but its sayers knows the customer: no other slice has a fact, nobody belongs to it or is merged with it. */
const isAlone = ({ interactions, purchases, cases, scores, rating, points, people, edges }: ProfilePart): boolean =>
  Object.keys(interactions).length === 0 &&
  Object.keys(purchases.byCurrency).length === 0 &&
  cases.total === 0 &&
  Object.keys(scores).length === 0 &&
  rating === undefined &&
  points.at === undefined &&
  people === 0 &&
  edges === undefined;
