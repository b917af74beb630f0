/** `POST /v1/interactions`. */
import { Controller, Post, Res } from '@nestjs/common';
import { Commands } from '@timeline/deciding';
import {
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  Refuses,
  StrictBody,
  type CommandOutcome,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { recordInteraction, RecordInteractionData } from './commands/record-interaction.command.js';

@Controller('v1/interactions')
export class InteractionsCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes(
    'Record an interaction',
    'With `source` and `sourceId` a second delivery changes nothing; with another payload it is refused and the answer names the fields that differ.',
  )
  @AnswersOutcome(201)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'INTERACTION_CONFLICT', 'OCCURRED_IN_FUTURE')
  async record(
    @StrictBody(RecordInteractionData) body: RecordInteractionData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(recordInteraction, body, headers);
    return created(reply, `/v1/interactions/${outcome.id}`, outcome);
  }
}
