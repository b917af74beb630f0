/** `GET /v1/segments` and `GET /v1/segments/{id}/members`. */
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import {
  Answers,
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
  type Page,
} from '@timeline/http';
import { SEGMENT_IDS } from './built-in-segments.js';
import {
  ListMembers,
  ListSegments,
  SegmentsOfCustomer,
  type CustomerSegments,
  type SegmentMember,
  type SegmentSummary,
} from './queries/segments.query.js';

export class AsOfQuery {
  /** Default: now. */
  @Optional()
  @Instant()
  asOf?: string;
}

export class MembersQuery extends PageQuery {
  @Optional()
  @Instant()
  asOf?: string;
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
  @Describes('The segments with their counts', 'Evaluated at `asOf`, from what is known now.')
  @Answers(200, {
    type: 'object',
    properties: { items: { type: 'array', items: summary } },
    required: ['items'],
    additionalProperties: false,
  })
  async list(
    @StrictQuery(AsOfQuery) { asOf }: AsOfQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<{ items: SegmentSummary[] }> {
    return { items: await this.queries.execute(new ListSegments(asOf, position)) };
  }

  @Get(':id/members')
  @Describes(
    'The members of a segment',
    'Evaluated at `asOf`, from what is known now; the pages of one list all tell of the same instant.',
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
  @Describes('The segments that a customer is in', 'Evaluated at `asOf`; of merged customers, those of all together.')
  @Answers(200, ofCustomer)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED')
  list(
    @PathId('id') customerId: string,
    @StrictQuery(AsOfQuery) { asOf }: AsOfQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<CustomerSegments> {
    return this.queries.execute(new SegmentsOfCustomer(customerId, asOf, position));
  }
}
