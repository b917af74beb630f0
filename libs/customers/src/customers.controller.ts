/** Customers over HTTP. No decision lives here. */
import { Controller, Delete, Get, Patch, Post, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { AsOfQuery } from '@timeline/as-of';
import { Commands, type CommandType } from '@timeline/deciding';
import {
  answered,
  Answers,
  AnswersOutcome,
  CommandHeaders,
  created,
  Describes,
  etagOf,
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
import { addIdentity, AddIdentityBody } from './commands/add-identity.command.js';
import { changeConsent, ChangeConsentBody } from './commands/change-consent.command.js';
import { changePreferences, ChangePreferencesBody } from './commands/change-preferences.command.js';
import { changeLifecycleStage, ChangeLifecycleStageBody } from './commands/change-lifecycle-stage.command.js';
import { eraseCustomer, EraseCustomerParams } from './commands/erase-customer.command.js';
import { registerCustomer, RegisterCustomerData } from './commands/register-customer.command.js';
import { removeIdentity, RemoveIdentityBody } from './commands/remove-identity.command.js';
import { updateCustomer, UpdateCustomerBody } from './commands/update-customer.command.js';
import { verifyField, VerifyFieldBody } from './commands/verify-field.command.js';
import { profileSchema, summarySchema, type CustomerProfile, type CustomerSummary } from './queries/customer-view.js';
import { erasureSchema, type ErasureView } from './queries/erasure-view.js';
import { GetCustomer } from './queries/get-customer.query.js';
import { GetCustomerAsOf } from './queries/get-customer-as-of.query.js';
import { GetErasure } from './queries/get-erasure.query.js';
import {
  GetPermission,
  PermissionParams,
  permissionSchema,
  type PermissionView,
} from './permissions/permission.query.js';
import { ListCustomers, WantedCustomers, type CustomersWanted } from './queries/list-customers.query.js';

const ON_A_CUSTOMER = ['CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'OCCURRED_IN_FUTURE', 'OCCURRED_BEFORE_START'];

@Controller('v1/customers')
export class CustomersCommandController {
  constructor(private readonly commands: Commands) {}

  @Post()
  @Describes('Register a customer', 'The id is ours to choose. An identity belongs to one customer at a time.')
  @AnswersOutcome(201)
  @Refuses(
    'IDENTITY_REFUSED',
    'IDENTITY_REPEATED',
    'IDENTITY_TAKEN',
    'BIRTH_DATE_IN_FUTURE',
    'OCCURRED_IN_FUTURE',
    'STANDARD_REFUSED',
  )
  async register(
    @StrictBody(RegisterCustomerData) data: RegisterCustomerData,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const outcome = await this.commands.dispatch(registerCustomer, data, headers);
    return created(reply, `/v1/customers/${outcome.id}`, outcome);
  }

  @Patch(':id')
  @Describes(
    'Change what is known of a customer',
    'What is left out stays as it is; null removes; name and address are replaced whole.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER, 'BIRTH_DATE_IN_FUTURE', 'TOO_MANY_TRAITS', 'STANDARD_REFUSED')
  update(
    @PathId('id') customerId: string,
    @StrictBody(UpdateCustomerBody) body: UpdateCustomerBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(updateCustomer, { ...body, customerId }, headers, reply);
  }

  @Post(':id/identities')
  @Describes('Add an identity', 'With primary, one that the customer has already becomes the primary one of its kind.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER, 'IDENTITY_REFUSED', 'IDENTITY_TAKEN', 'TOO_MANY_IDENTITIES', 'STANDARD_REFUSED')
  addIdentity(
    @PathId('id') customerId: string,
    @StrictBody(AddIdentityBody) body: AddIdentityBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(addIdentity, { ...body, customerId }, headers, reply);
  }

  @Post(':id/identities/removals')
  @Describes(
    'Remove an identity',
    'A POST with a body, since the identity is personal data that must not stand in an address. Others may claim it afterwards.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER, 'IDENTITY_REFUSED', 'IDENTITY_NOT_FOUND', 'STANDARD_REFUSED')
  removeIdentity(
    @PathId('id') customerId: string,
    @StrictBody(RemoveIdentityBody) body: RemoveIdentityBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(removeIdentity, { ...body, customerId }, headers, reply);
  }

  @Post(':id/consents')
  @Describes('Record a consent granted or withdrawn', 'By purpose and channel; the latest counts.')
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER, 'TOO_MANY_CONSENTS')
  changeConsent(
    @PathId('id') customerId: string,
    @StrictBody(ChangeConsentBody) body: ChangeConsentBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(changeConsent, { ...body, customerId }, headers, reply);
  }

  @Patch(':id/preferences')
  @Describes(
    'Change how a customer wants to be contacted',
    'What is left out stays as it is; null removes; lists and hours are replaced whole.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER)
  changePreferences(
    @PathId('id') customerId: string,
    @StrictBody(ChangePreferencesBody) body: ChangePreferencesBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(changePreferences, { ...body, customerId }, headers, reply);
  }

  @Post(':id/lifecycle')
  @Describes('Move a customer to another lifecycle stage', 'A move back needs a reason.')
  @AnswersOutcome(200)
  @Refuses(
    ...ON_A_CUSTOMER,
    'STAGE_MOVE_REFUSED',
    'STAGE_REASON_REQUIRED',
    'STAGE_GUARD_FAILED',
    'STAGE_OUT_OF_ORDER',
    'STANDARD_REFUSED',
  )
  changeLifecycleStage(
    @PathId('id') customerId: string,
    @StrictBody(ChangeLifecycleStageBody) body: ChangeLifecycleStageBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(changeLifecycleStage, { ...body, customerId }, headers, reply);
  }

  @Post(':id/verifications')
  @Describes(
    'Record that a value was verified',
    'While it stands, only what is verified or entered by hand takes its place; what a system says does not.',
  )
  @AnswersOutcome(200)
  @Refuses(...ON_A_CUSTOMER, 'IDENTITY_REFUSED', 'NOTHING_TO_VERIFY')
  verify(
    @PathId('id') customerId: string,
    @StrictBody(VerifyFieldBody) body: VerifyFieldBody,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return this.#onCustomer(verifyField, { ...body, customerId }, headers, reply);
  }

  @Delete(':id')
  @Describes(
    'Erase a customer for good',
    'From now on the customer is answered 410; all who are merged with the customer follow. Identities are released and keys destroyed right after, by a reaction. Location is where to read how far it is, and the certificate in the end.',
  )
  @AnswersOutcome(202, 'Erased; identities and keys follow')
  @Refuses(...ON_A_CUSTOMER)
  async erase(
    @PathId('id') customerId: string,
    @StrictQuery(EraseCustomerParams) params: EraseCustomerParams,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandOutcome> {
    const body = await this.#onCustomer(eraseCustomer, { ...params, customerId }, headers, reply);
    void reply.status(202).header('location', `/v1/customers/${customerId}/erasure`);
    return body;
  }

  async #onCustomer<Data extends object>(
    type: CommandType<Data>,
    data: Data,
    headers: CommandHeaders,
    reply: FastifyReply,
  ): Promise<CommandOutcome> {
    return updated(reply, await this.commands.dispatch(type, data, headers));
  }
}

@Controller('v1/customers')
export class CustomersQueryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Describes(
    'Customers by name',
    'Sorted by name, then id. q finds words of the name by their beginnings, identity one customer (kind:value); beside the parameters listed, trait.{name}={value} filters by a trait. Merged customers are listed once.',
  )
  @Answers(200, pageSchema(summarySchema))
  @Refuses('CURSOR_MALFORMED', 'IDENTITY_REFUSED', 'READ_MODEL_NOT_READY')
  list(
    @WantedCustomers() wanted: CustomersWanted,
    @PositionHeader() position: string | undefined,
  ): Promise<Page<CustomerSummary>> {
    return this.queries.execute(new ListCustomers(wanted, position));
  }

  @Get(':id')
  @Describes(
    'A customer’s profile',
    'With asOf and knownAt as it was at a moment of the past: from what had happened by asOf, as far as it was recorded by knownAt. Such an answer has no ETag.',
  )
  @Answers(200, profileSchema)
  @Answers(304)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  async get(
    @PathId('id') customerId: string,
    @StrictQuery(AsOfQuery) asked: AsOfQuery,
    @PositionHeader() position: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CustomerProfile | undefined> {
    if (asked.asOf !== undefined || asked.knownAt !== undefined)
      return this.queries.execute(new GetCustomerAsOf(customerId, asked, position));
    const { profile, version } = await this.queries.execute(new GetCustomer(customerId, position));
    return answered(reply, profile, { etag: etagOf(...version) });
  }

  @Get(':id/permissions')
  @Describes(
    'May this customer be contacted for a purpose by a channel',
    'Consent is of the purpose and the channel, else of the purpose alone; a preference can only refuse. At asOf, now where absent: of the past by what held then, of the future by what holds now. knownAt: as far as it was recorded by then. Contacts that count are all outbound interactions.',
  )
  @Answers(200, permissionSchema)
  @Refuses('CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED', 'READ_MODEL_NOT_READY')
  permission(
    @PathId('id') customerId: string,
    @StrictQuery(PermissionParams) params: PermissionParams,
    @PositionHeader() position: string | undefined,
  ): Promise<PermissionView> {
    return this.queries.execute(new GetPermission(customerId, params, position));
  }

  @Get(':id/erasure')
  @Describes(
    'How far the erasure of a customer is, and its certificate',
    'The certificate comes when every copy of every read model is past the erasure, their files are overwritten and no process has the keys in memory any more: some two minutes later. It says how long backups live, where the operator states it.',
  )
  @Answers(200, erasureSchema)
  @Refuses('CUSTOMER_NOT_FOUND', 'ERASURE_NOT_FOUND', 'READ_MODEL_NOT_READY')
  erasure(@PathId('id') customerId: string, @PositionHeader() position: string | undefined): Promise<ErasureView> {
    return this.queries.execute(new GetErasure(customerId, position));
  }
}
