/**
 * Intake: how what another system tells becomes a stream of ours. The system names each thing by its own id (`source`
 * and `sourceId`), and the stream's id derives from that, so that a second delivery meets the first, by whatever way
 * it comes; `same-delivery.ts` says what becomes of it. What has no source id is a command's own.
 */
import { Injectable } from '@nestjs/common';
import { Check, Instant, Nested, Optional, Text, violation } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { deriveId, errorCode, type Decider, type Fact, type Recorded } from '@timeline/kernel';
import { canonicalTextOf } from './canonical-text.js';
import type { CommandContext, CommandOutcome } from './command.js';
import { CommandProcessor } from './command-processor.js';
import { CustomerDirectory } from './customer-directory.port.js';
import { customerKeyOf, DeliveredCustomerDto } from './customer-ref.dto.js';

/** What every delivery says; extend it with what is told. */
@Check(
  ({ source, sourceId }: DeliveryDto) =>
    (source === undefined) === (sourceId === undefined)
      ? []
      : [violation(source === undefined ? '/source' : '/sourceId', 'REQUIRED', 'source and sourceId go together')],
  { schema: { dependentRequired: { source: ['sourceId'], sourceId: ['source'] } } },
)
export class DeliveryDto {
  @Nested(() => DeliveredCustomerDto)
  customer: DeliveredCustomerDto;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;

  /** The system that it comes from. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** That system's own id for it. */
  @Optional()
  @Text({ max: 200 })
  sourceId?: string;
}

/** What is taken in. */
export interface IntakeKind {
  /** Ids derive from it: for good. */
  name: string;
  stream(id: string): string;
}

/** What a delivery is found to be. */
export interface Received {
  id: string;
  customerId: string;
  /** Keyed hash of the delivery, where there may be a second one: where it is known by its source. */
  payloadHash: string | undefined;
}

/** Undefined where it is not known by its source, so that its id is the command's. */
const idOfSource = ({ name }: IntakeKind, { source, sourceId }: DeliveryDto): string | undefined =>
  source !== undefined && sourceId !== undefined ? deriveId(name, source, sourceId) : undefined;

/** Whether it may write what others about the same customer look for. */
const opensUnknown = ({ customer }: DeliveryDto): boolean => customer.ifUnknown === 'open-anonymous';

/** For `CommandType.keys`: deliveries of one thing, or that may open one customer, run one after the other. */
export function deliveryKeys(kind: IntakeKind, delivery: DeliveryDto): string[] {
  const id = idOfSource(kind, delivery);
  return [
    ...(opensUnknown(delivery) ? [customerKeyOf(delivery.customer)] : []),
    ...(id === undefined ? [] : [kind.stream(id)]),
  ];
}

/** For `CommandType.sharedKeys`: deliveries about one customer are recorded in order. */
export const sharedDeliveryKeys = (delivery: DeliveryDto): string[] =>
  opensUnknown(delivery) ? [] : [customerKeyOf(delivery.customer)];

@Injectable()
export class Intake {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly directory: CustomerDirectory,
    private readonly hashes: KeyedHashes,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and what the decider refuses */
  async take<State, Command, Event extends Fact>(
    kind: IntakeKind,
    decider: Decider<State, Command, Event>,
    delivery: DeliveryDto,
    context: CommandContext,
    commandOf: (received: Received) => Command,
  ): Promise<CommandOutcome> {
    const { source, occurredAt } = delivery;
    const ofSource = idOfSource(kind, delivery);
    const id = ofSource ?? deriveId(kind.name, context.commandId);
    const stream = kind.stream(id);
    const customerId = await this.#customerOf(delivery, context, () => this.processor.load(decider, stream));
    const payloadHash = ofSource === undefined ? undefined : this.hashes.hashBody(canonicalTextOf(delivery));
    const command = commandOf({ id, customerId, payloadHash });
    const from = source === undefined ? context : { ...context, source };
    return this.processor.execute({ decider, stream, id, command, expectNew: true, occurredAt, context: from });
  }

  async #customerOf(
    { customer, occurredAt }: DeliveryDto,
    context: CommandContext,
    load: () => Promise<{ events: readonly Recorded[] }>,
  ): Promise<string> {
    const { identity, ifUnknown } = customer;
    try {
      return (await this.directory.resolveLately(customer, '/customer')).customerId;
    } catch (error) {
      const mayOpen = identity !== undefined && ifUnknown === 'open-anonymous';
      if (!mayOpen || errorCode(error) !== 'CUSTOMER_NOT_FOUND') throw error;
      // Delivered before, whosever the identity was then: nobody is opened for a second delivery.
      const before = (await load()).events[0]?.metadata.customerId;
      const { customerId } =
        before === undefined
          ? await this.directory.resolveOrOpen(identity, { context, occurredAt }, '/customer/identity')
          : await this.directory.resolve({ customerId: before }, '/customer');
      return customerId;
    }
  }
}
