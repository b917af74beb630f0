/** Records that somebody made sure of a value of a customer: called, sent a code, saw a document. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, OneOf, Optional, Text } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { customerStream } from '../customer.decider.js';
import {
  IDENTITY_KINDS,
  VERIFICATION_METHODS,
  type IdentityKind,
  type VerificationMethod,
} from '../customers.events.js';
import { hashesOf, IdentityRegistry } from '../identities/identity-registry.js';
import { onCustomer } from './on-customer.js';

const isKind = (field: string): field is IdentityKind => (IDENTITY_KINDS as readonly string[]).includes(field);

export class VerifyFieldBody {
  /** A field that the profile shows, such as `name`, `birthDate` or `traits.size`, or a kind of identity, such as `phone`. */
  @Text({ max: 60 })
  field: string;

  /** Which identity of that kind; the primary one where absent. */
  @Optional()
  @Text({ max: 320 })
  value?: string;

  /** The system that gave it; for `external`, and only there. */
  @Optional()
  @Text({ max: 60 })
  system?: string;

  @OneOf(VERIFICATION_METHODS)
  method: VerificationMethod;

  /** Who verified it; who sends the command where absent. */
  @Optional()
  @Text({ max: 100 })
  by?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class VerifyFieldData extends VerifyFieldBody {
  @Id()
  customerId: string;
}

export class VerifyField extends DomainCommand<VerifyFieldData> {}

export const verifyField: CommandType<VerifyFieldData> = {
  name: 'VerifyField',
  data: VerifyFieldData,
  command: VerifyField,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(VerifyField)
export class VerifyFieldHandler implements ICommandHandler<VerifyField> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly registry: IdentityRegistry,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, IDENTITY_REFUSED, NOTHING_TO_VERIFY */
  async execute({ data, context }: VerifyField): Promise<CommandOutcome> {
    const { customerId, field, value, system, method, by = context.actor, occurredAt } = data;
    if (!isKind(field) && (value !== undefined || system !== undefined)) {
      const message = 'value and system go with a kind of identity only: what the field holds is verified';
      throw new DomainError('NOTHING_TO_VERIFY', message, { pointer: value === undefined ? '/system' : '/value' });
    }
    const named =
      isKind(field) && value !== undefined
        ? { hashes: hashesOf(this.registry.identify({ kind: field, value, ...(system !== undefined && { system }) })) }
        : {};
    return onCustomer(this.processor, { type: 'verify', customerId, field, by, method, ...named }, occurredAt, context);
  }
}
