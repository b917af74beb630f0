/** Data standards over HTTP. No decision lives here. */
import { Controller, Get, HttpCode, Post, Put, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  Examples,
  fieldTypes,
  PathParam,
  Refuses,
  revisionEtag,
  StrictBody,
  updated,
  type Answer,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { publishStandard, PublishStandardBody } from './commands/publish-standard.command.js';
import { fieldName } from './commands/rule-types.js';
import { CheckedValue, CheckValue, CheckValueBody } from './queries/check-value.query.js';
import { GetStandard } from './queries/get-standard.query.js';
import { ListStandards } from './queries/list-standards.query.js';
import { StandardVersion, StandardView } from './queries/standard-view.js';
import { READY_MADE } from './ready-made.js';

const examples = Object.fromEntries(
  Object.entries(READY_MADE).map(([field, rules]) => [field, { summary: `Ready-made for ${field}`, value: { rules } }]),
);

@Controller('v1/standards')
export class StandardsCommandController {
  constructor(private readonly commands: Commands) {}

  @Put(':field')
  @Describes(
    'Publish a standard for a field',
    'The next version; what holds already publishes nothing. Registrations, updates, added identities, changes of stage and imports are held to it from then on, and their events say which version accepted them; what is stored already stays as it is. A resident id is the identity external.cn-resident-id, a unified social credit code external.cn-credit-code: sealed, unique, and found by.',
  )
  @Examples(examples)
  @AnswersOutcome(201, 'The first version is published')
  @AnswersOutcome(200, 'The next version is published, or nothing changed')
  @Refuses('RULES_WRONG', 'STANDARD_FROM_IN_PAST')
  async publish(
    @PathParam('field', fieldName) field: string,
    @StrictBody(PublishStandardBody) body: PublishStandardBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(publishStandard, { ...body, field }, headers);
    return outcome.created ? created(reply, `/v1/standards/${field}`, outcome) : updated(reply, outcome);
  }
}

const listSchema: Answer = (refs) => ({
  type: 'object',
  properties: { items: { type: 'array', items: refs.of(StandardView) } },
  required: ['items'],
  additionalProperties: false,
});

@Controller('v1/standards')
export class StandardsQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes('The standards in force, and those to come', 'By field and version.')
  @Answers(200, listSchema)
  @Refuses('STORE_UNAVAILABLE')
  async list(): Promise<{ items: StandardView[] }> {
    return { items: await this.queries.execute(new ListStandards()) };
  }

  @Get(':field')
  @Describes(
    'The latest version of a field’s standard',
    'Its ETag is what `If-Match` of the next version asks for. Whether it is in force by now is told by the list and by each version.',
  )
  @Answers(200, StandardVersion)
  @Answers(304)
  @Refuses('STANDARD_NOT_FOUND', 'STORE_UNAVAILABLE')
  async get(
    @PathParam('field', fieldName) field: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StandardVersion | undefined> {
    const { view, revision } = await this.queries.execute(new GetStandard(field));
    // What the clock changes has no part in an answer whose ETag is the stream's revision.
    const { inForce: _now, ...version } = view;
    return answered(reply, version, { etag: revisionEtag(revision) });
  }

  @Get(':field/versions/:version')
  @Describes('A version of a field’s standard', 'A version never changes.')
  @Answers(200, StandardView)
  @Refuses('STANDARD_NOT_FOUND', 'STORE_UNAVAILABLE')
  async version(
    @PathParam('field', fieldName) field: string,
    @PathParam('version', fieldTypes.whole({ min: 1 })) version: number,
  ): Promise<StandardView> {
    return (await this.queries.execute(new GetStandard(field, version))).view;
  }

  @Post(':field/check')
  @HttpCode(200)
  @Describes(
    'Would this value be accepted?',
    'Against the standard in force; a POST, since the value may be personal data that must not stand in an address. Nothing is written.',
  )
  @Answers(200, CheckedValue)
  @Refuses('STORE_UNAVAILABLE')
  check(
    @PathParam('field', fieldName) field: string,
    @StrictBody(CheckValueBody) body: CheckValueBody,
  ): Promise<CheckedValue> {
    return this.queries.execute(new CheckValue(field, body));
  }
}
