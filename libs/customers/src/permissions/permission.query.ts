/** `GET /v1/customers/{id}/permissions`: the answer of `permission.ts`, of now, a moment of the past or one to come. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { AsOfQuery } from '@timeline/as-of';
import { Text, type Answer, type JsonSchema } from '@timeline/http';
import { Clock, toInstant, type Instant } from '@timeline/kernel';
import { GetCustomerHandler } from '../queries/get-customer.query.js';
import { GetCustomerAsOfHandler } from '../queries/get-customer-as-of.query.js';
import { permissionOf, REFUSALS, type Permission } from './permission.js';

export class PermissionParams extends AsOfQuery {
  /** As in the consents. */
  @Text({ max: 60 })
  purpose: string;

  /** As in the consents. */
  @Text({ max: 40 })
  channel: string;
}

export interface PermissionView extends Permission {
  customerId: string;
  purpose: string;
  channel: string;
  asOf: Instant;
}

export class GetPermission extends Query<PermissionView> {
  constructor(
    readonly customerId: string,
    readonly params: PermissionParams,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(GetPermission)
export class GetPermissionHandler implements IQueryHandler<GetPermission> {
  constructor(
    private readonly current: GetCustomerHandler,
    private readonly past: GetCustomerAsOfHandler,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and as `History` */
  async execute({ customerId, params, position }: GetPermission): Promise<PermissionView> {
    const { purpose, channel, knownAt } = params;
    const now = toInstant(this.clock.now());
    const asOf = params.asOf ?? now;
    const isOfNow = asOf >= now && knownAt === undefined;
    const profile = isOfNow
      ? (await this.current.find(customerId, position)).profile
      : await this.past.find(customerId, { asOf, ...(knownAt !== undefined && { knownAt }) }, position);
    return { customerId, purpose, channel, asOf, ...permissionOf(profile, { purpose, channel, at: asOf }) };
  }
}

const text: JsonSchema = { type: 'string' };
const instant: JsonSchema = { type: 'string', format: 'date-time' };

export const permissionSchema: Answer = (refs) =>
  refs.named('ContactPermission', {
    type: 'object',
    properties: {
      customerId: { type: 'string', format: 'uuid' },
      purpose: text,
      channel: text,
      asOf: instant,
      allowed: { type: 'boolean' },
      refusals: {
        type: 'array',
        description: 'all that speaks against it',
        items: {
          type: 'object',
          properties: {
            code: { type: 'string', enum: Object.keys(REFUSALS) },
            message: text,
            until: { ...instant, description: 'when this reason is gone, where it goes by itself' },
          },
          required: ['code', 'message'],
          additionalProperties: false,
        },
      },
      consent: {
        type: 'object',
        description: 'the consent that counts, whichever way',
        properties: {
          purpose: text,
          channel: text,
          status: { type: 'string', enum: ['granted', 'withdrawn'] },
          textVersion: text,
          proof: text,
          at: instant,
        },
        required: ['purpose', 'status', 'textVersion', 'at'],
        additionalProperties: false,
      },
      preferred: { type: 'boolean', description: 'whether the channel is among those wanted, where any was named' },
      language: { ...text, description: 'to be used' },
    },
    required: ['customerId', 'purpose', 'channel', 'asOf', 'allowed', 'refusals'],
    additionalProperties: false,
  });
