/** Which companies a person belongs to, over HTTP. No decision lives here. */
import { Controller, Get, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Commands } from '@timeline/deciding';
import {
  Answers,
  AnswersOutcome,
  CommandHeaders,
  Describes,
  pageSchema,
  PathId,
  PositionHeader,
  Refuses,
  StrictBody,
  StrictQuery,
  updated,
  type CommandOutcome,
  type Page,
} from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { joinCompany, JoinCompanyBody } from './join-company.command.js';
import { leaveCompany, LeaveCompanyBody } from './leave-company.command.js';
import { ListPeople, ListPeopleQuery, PersonOfCompanyView } from './list-people.query.js';

const ON_A_PERSON = [
  'CUSTOMER_NOT_FOUND',
  'CUSTOMER_ERASED',
  'MEMBERSHIP_OUT_OF_ORDER',
  'OCCURRED_IN_FUTURE',
  'OCCURRED_BEFORE_START',
];

@Controller('v1/customers')
export class CompaniesCommandController {
  constructor(private readonly commands: Commands) {}

  @Post(':id/companies')
  @Describes(
    'A person belongs to a company',
    'Also with another role or first day than before; what is left out stays as it was. The profiles of both show it.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_PERSON, 'NOT_A_PERSON', 'NOT_A_COMPANY', 'TOO_MANY_COMPANIES')
  async join(
    @PathId('id') customerId: string,
    @StrictBody(JoinCompanyBody) body: JoinCompanyBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(joinCompany, { ...body, customerId }, headers));
  }

  @Post(':id/companies/:companyId/departure')
  @Describes('A person left a company', 'It is remembered, and the person may join again.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_PERSON, 'NOT_IN_COMPANY', 'LEFT_BEFORE_JOINED')
  async leave(
    @PathId('id') customerId: string,
    @PathId('companyId') companyId: string,
    @StrictBody(LeaveCompanyBody) body: LeaveCompanyBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(leaveCompany, { ...body, customerId, companyId }, headers));
  }
}

@Controller('v1/customers')
export class CompaniesQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id/people')
  @Describes(
    'The people of a company',
    'By id, under which they came in, merged or not. Of merged companies those of all.',
  )
  @Answers(200, pageSchema(PersonOfCompanyView))
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'CURSOR_MALFORMED', 'READ_MODEL_NOT_READY')
  people(
    @PathId('id') companyId: string,
    @StrictQuery(ListPeopleQuery) query: ListPeopleQuery,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<PersonOfCompanyView>> {
    return this.queries.execute(new ListPeople(companyId, query, position));
  }
}
