/** Records that a customer granted or withdrew a consent, and to which text. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Id, Instant, OneOf, Optional, Text } from '@timeline/http';
import { customerStream } from '../customer.decider.js';
import type { Consent } from '../customers.events.js';
import { onCustomer } from './on-customer.js';

export class ChangeConsentBody implements Consent {
  /** What for, e.g. `newsletter`. */
  @Text({ max: 60 })
  purpose: string;

  @OneOf(['granted', 'withdrawn'])
  status: Consent['status'];

  /** Where it holds for one channel only. */
  @Optional()
  @Text({ max: 40 })
  channel?: string;

  /** Version of the text that was shown. */
  @Text({ max: 60 })
  textVersion: string;

  /** Reference to the proof, e.g. a form or call id. */
  @Optional()
  @Text({ max: 200 })
  proof?: string;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ChangeConsentData extends ChangeConsentBody {
  @Id()
  customerId: string;
}

export class ChangeConsent extends DomainCommand<ChangeConsentData> {}

export const changeConsent: CommandType<ChangeConsentData> = {
  name: 'ChangeConsent',
  data: ChangeConsentData,
  command: ChangeConsent,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(ChangeConsent)
export class ChangeConsentHandler implements ICommandHandler<ChangeConsent> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, TOO_MANY_CONSENTS */
  execute({ data: { occurredAt, ...consent }, context }: ChangeConsent): Promise<CommandOutcome> {
    return onCustomer(this.processor, { type: 'change-consent', ...consent }, occurredAt, context);
  }
}
