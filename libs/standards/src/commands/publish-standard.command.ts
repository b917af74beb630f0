/** Publishes the next version of a field's standard. The same rules again publish nothing. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import { Field, Instant, ListOf, Optional } from '@timeline/http';
import { deriveId } from '@timeline/kernel';
import type { Rule } from '../rules/rule.js';
import {
  assertRules,
  fieldsDecider,
  FIELDS_STREAM,
  standardDecider,
  standardStream,
  type PublishStandard as Publish,
} from '../standard.decider.js';
import { StandardsInForce } from '../standards-in-force.js';
import { fieldName, rule } from './rule-types.js';

export class PublishStandardBody {
  /** All that holds from then on; none takes the standard out of force. */
  @ListOf(rule, { max: 50 })
  rules: Rule[];

  /** From when on it holds; now where absent. */
  @Optional()
  @Instant()
  from?: string;
}

export class PublishStandardData extends PublishStandardBody {
  @Field(fieldName)
  field: string;
}

export class PublishStandard extends DomainCommand<PublishStandardData> {}

export const publishStandard: CommandType<PublishStandardData> = {
  name: 'PublishStandard',
  data: PublishStandardData,
  command: PublishStandard,
  target: ({ field }) => field,
  keys: ({ field }) => [standardStream(field)],
};

@CommandHandler(PublishStandard)
export class PublishStandardHandler implements ICommandHandler<PublishStandard> {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly inForce: StandardsInForce,
  ) {}

  /** @throws DomainError RULES_WRONG, STANDARD_FROM_IN_PAST */
  async execute({ data: { field, rules, from }, context }: PublishStandard): Promise<CommandOutcome> {
    const command: Publish = { field, rules, ...(from !== undefined && { from }) };
    assertRules(field, rules);
    await this.#name(field, context);
    const outcome = await this.processor.execute({
      decider: standardDecider,
      stream: standardStream(field),
      id: field,
      command,
      context,
    });
    this.inForce.forget();
    return outcome;
  }

  /** First: a field that is named and has no standard yet does no harm, a standard that nobody finds would. */
  async #name(field: string, { ifMatch: _of, ...context }: PublishStandard['context']): Promise<void> {
    const commandId = deriveId('name-standard-field', field);
    const own = { ...context, commandId, bodyHash: commandId };
    await this.processor.execute({
      decider: fieldsDecider,
      stream: FIELDS_STREAM,
      id: FIELDS_STREAM,
      command: { field },
      context: own,
    });
  }
}
