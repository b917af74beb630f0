/** `POST /v1/interactions` and `GET /v1/interactions/{id}`. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  PathId,
  PositionHeader,
  Refuses,
  revisionEtag,
  StrictBody,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { recordInteraction, RecordInteractionData } from './commands/record-interaction.command.js';
import { GetInteraction, InteractionView } from './queries/get-interaction.query.js';

@Controller('v1/interactions')
export class InteractionsCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes(
    'Record an interaction',
    'With `source` and `sourceId` a second delivery changes nothing; with another payload it is refused and the answer names the fields that differ. With `ifUnknown: open-anonymous` beside the identity, an identity that nobody has opens an anonymous customer.',
  )
  @AnswersOutcome(201)
  @Refuses(
    'CUSTOMER_NOT_FOUND',
    'CUSTOMER_ERASED',
    'IDENTITY_REFUSED',
    'IDENTITY_TAKEN',
    'INTERACTION_CONFLICT',
    'OCCURRED_IN_FUTURE',
  )
  async record(
    @StrictBody(RecordInteractionData) body: RecordInteractionData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(recordInteraction, body, headers);
    return created(reply, `/v1/interactions/${outcome.id}`, outcome);
  }
}

@Controller('v1/interactions')
export class InteractionsQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id')
  @Describes('An interaction', 'As it was recorded. Its ETag is the revision of the answer to the command.')
  @Answers(200, InteractionView)
  @Answers(304)
  @Refuses('INTERACTION_NOT_FOUND', 'CUSTOMER_ERASED')
  async get(
    @PathId('id') interactionId: string,
    @PositionHeader() given: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InteractionView | undefined> {
    const { view, revision, position } = await this.queries.execute(new GetInteraction(interactionId, given));
    return answered(reply, view, { etag: revisionEtag(revision), position });
  }
}
