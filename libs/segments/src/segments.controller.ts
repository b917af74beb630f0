/** `GET /v1/segments` and `GET /v1/segments/{id}/members`. */
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { KnownAt } from '@timeline/as-of';
import {
  Answers,
  Check,
  Describes,
  fieldTypes,
  Instant,
  Optional,
  PageQuery,
  PathId,
  PathParam,
  PositionHeader,
  Refuses,
  StrictQuery,
  violation,
  type Page,
  type Violation,
} from '@timeline/http';
import {
  ListMembers,
  ListSegments,
  SegmentsOfCustomer,
  type CustomerSegments,
  type SegmentMember,
  type SegmentSummary,
} from './queries/segments.query.js';
import { SEGMENT_IDS } from './segments.events.js';

export class CustomerSegmentsQuery {
  /** Default: now. */
  @Optional()
  @Instant()
  asOf?: string;

  /** By what was recorded by then; default: all that is. */
  @Optional()
  @KnownAt()
  knownAt?: string;
}

/** Who was in a segment by what was known then, only a replay of every customer's events tells. */
const ofOneOnly = ({ knownAt }: { knownAt?: string }): Violation[] =>
  knownAt === undefined
    ? []
    : [
        violation(
          '/knownAt',
          'KNOWN_AT_OF_ALL',
          'is answered for one customer, by GET /v1/customers/{id}/segments; for all of them the whole log would have to be replayed',
        ),
      ];

@Check(ofOneOnly, { meaning: 'knownAt is refused here' })
export class SegmentsQuery {
  /** Default: now. */
  @Optional()
  @Instant()
  asOf?: string;

  @Optional()
  @KnownAt()
  knownAt?: string;
}

@Check(ofOneOnly, { meaning: 'knownAt is refused here' })
export class MembersQuery extends PageQuery {
  @Optional()
  @Instant()
  asOf?: string;

  @Optional()
  @KnownAt()
  knownAt?: string;
}

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const summary = {
  type: 'object',
  properties: {
    id: { ...text, enum: [...SEGMENT_IDS] },
    name: text,
    description: text,
    count: { type: 'integer', minimum: 0 },
    asOf: instant,
  },
  required: ['id', 'name', 'description', 'count', 'asOf'],
  additionalProperties: false,
};
const member = {
  type: 'object',
  properties: { customerId: { ...text, format: 'uuid' }, since: instant, until: instant },
  required: ['customerId', 'since'],
  additionalProperties: false,
};

@Controller('v1/segments')
export class SegmentsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes(
    'The segments with their counts',
    'Evaluated at `asOf`, from what is known now: by what was known earlier, that would take a replay of every customer (`knownAt` is a question about one customer).',
  )
  @Answers(200, {
    type: 'object',
    properties: { items: { type: 'array', items: summary } },
    required: ['items'],
    additionalProperties: false,
  })
  async list(
    @StrictQuery(SegmentsQuery) { asOf }: SegmentsQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<{ items: SegmentSummary[] }> {
    return { items: await this.queries.execute(new ListSegments(asOf, position)) };
  }

  @Get(':id/members')
  @Describes(
    'The members of a segment',
    'Evaluated at `asOf`, from what is known now (`knownAt` is a question about one customer); the pages of one list all tell of the same instant.',
  )
  @Answers(200, {
    type: 'object',
    properties: { items: { type: 'array', items: member }, next: text, asOf: instant },
    required: ['items', 'asOf'],
    additionalProperties: false,
  })
  @Refuses('SEGMENT_NOT_FOUND', 'CURSOR_MALFORMED')
  members(
    @PathParam('id', fieldTypes.text({ max: 60 })) id: string,
    @StrictQuery(MembersQuery) { asOf, limit, cursor }: MembersQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<SegmentMember> & { asOf: string }> {
    return this.queries.execute(new ListMembers(id, asOf, limit, cursor, position));
  }
}

const ofCustomer = {
  type: 'object',
  properties: {
    customerId: { ...text, format: 'uuid' },
    asOf: instant,
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: { id: { ...text, enum: [...SEGMENT_IDS] }, name: text, since: instant, until: instant },
        required: ['id', 'name', 'since'],
        additionalProperties: false,
      },
    },
  },
  required: ['customerId', 'asOf', 'items'],
  additionalProperties: false,
};

@Controller('v1/customers/:id/segments')
export class CustomerSegmentsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes(
    'The segments that a customer is in',
    'Evaluated at `asOf`, by what was recorded by `knownAt`; of merged customers, those of all together.',
  )
  @Answers(200, ofCustomer)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  list(
    @PathId('id') customerId: string,
    @StrictQuery(CustomerSegmentsQuery) asked: CustomerSegmentsQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<CustomerSegments> {
    return this.queries.execute(new SegmentsOfCustomer(customerId, asked, position));
  }
}
