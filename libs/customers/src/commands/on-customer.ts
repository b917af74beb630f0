/** Runs a command of the customer's own stream. */
import type { CommandContext, CommandOutcome, CommandProcessor } from '@timeline/deciding';
import { customerDecider, customerStream, type CustomerCommand } from '../customer.decider.js';

export function onCustomer(
  processor: CommandProcessor,
  command: CustomerCommand,
  occurredAt: string | undefined,
  context: CommandContext,
): Promise<CommandOutcome> {
  return processor.execute({
    decider: customerDecider,
    stream: customerStream(command.customerId),
    id: command.customerId,
    command,
    ...(occurredAt !== undefined && { occurredAt }),
    context,
  });
}
