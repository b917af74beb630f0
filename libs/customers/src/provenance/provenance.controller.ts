/** What a source or an import said: `GET /v1/provenance`; and taking it back: `POST /v1/provenance/revert`. */
import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import {
  Answers,
  Check,
  CommandHeaders,
  Describes,
  Id,
  ndjsonReply,
  Optional,
  pageSchema,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  Text,
  violation,
  type Answer,
  type JsonSchema,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { CustomerImports } from '../imports/customer-imports.js';
import { ListSaid, ProvenanceParams, type SaidOfCustomer } from './provenance.query.js';

@Check(
  ({ source, import: importId }: RevertBody) =>
    (source === undefined) === (importId === undefined)
      ? [violation('/source', 'ONE_OF', 'or import says whose words are meant: give one of the two')]
      : [],
  { schema: { oneOf: [{ required: ['source'] }, { required: ['import'] }] } },
)
export class RevertBody {
  /** A system. */
  @Optional()
  @Text({ max: 60 })
  source?: string;

  /** An import's id. */
  @Optional()
  @Id()
  import?: string;

  /** Only this field, what is in it, or this kind of identity. */
  @Optional()
  @Text({ max: 100 })
  field?: string;
}

const text: JsonSchema = { type: 'string' };
const saidSchema: Answer = (refs) =>
  refs.named('SaidOfCustomer', {
    type: 'object',
    properties: {
      customerId: { type: 'string', format: 'uuid' },
      values: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            field: text,
            value: {},
            system: text,
            holds: { type: 'boolean', description: 'whether the profile shows it' },
            at: { type: 'string', format: 'date-time' },
            source: text,
            importId: { type: 'string', format: 'uuid' },
            actor: text,
            command: text,
          },
          required: ['field', 'value', 'holds', 'at', 'source', 'actor', 'command'],
          additionalProperties: false,
        },
      },
    },
    required: ['customerId', 'values'],
    additionalProperties: false,
  });

@Controller('v1/provenance')
export class ProvenanceQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes(
    'What a source or an import said',
    'By customer; what was taken back, or verified since, is not there. A page may have fewer customers than limit, or none, and a next one all the same.',
  )
  @Answers(200, pageSchema(saidSchema))
  @Refuses('CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  list(
    @StrictQuery(ProvenanceParams) params: ProvenanceParams,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<SaidOfCustomer>> {
    return this.queries.execute(new ListSaid(params, position));
  }
}

@Controller('v1/provenance')
export class ProvenanceCommandController {
  constructor(private readonly imports: CustomerImports) {}

  @Post('revert')
  @HttpCode(200)
  @Describes(
    'Take back what a source or an import said',
    'By compensating events: the best of the rest holds again, identities are free for others, and who was registered by it and known to nobody else is withdrawn. The answer is NDJSON: `progress` now and then, `ended` with the counts. Cut off, the same call goes on; a second one changes nothing.',
  )
  @Answers(200, { type: 'string' }, 'What became of the customers', 'application/x-ndjson')
  @Refuses('POSITION_NOT_REACHED', 'READ_MODEL_NOT_READY')
  revert(
    @StrictBody(RevertBody) body: RevertBody,
    @CommandHeaders() { actor }: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    return ndjsonReply(reply, this.imports.takeBack(body, actor));
  }
}
