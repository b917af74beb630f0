/** `GET /v1/customers/{id}/quality`: how good a record is, and what would make it better. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Instant as InstantField, Optional, type Answer, type JsonSchema } from '@timeline/http';
import { Clock, toInstant, type Instant } from '@timeline/kernel';
import { GetCustomerHandler } from '../queries/get-customer.query.js';
import { GetCustomerAsOfHandler } from '../queries/get-customer-as-of.query.js';
import { QUALITY_PARTS, QUALITY_VERSION, type KnownValue, type Quality } from './quality.js';
import { RecordQualities } from './record-quality.js';

export class QualityParams {
  /** Of the past: by what had happened then; of what is to come: by what is known now, aged. Now where absent. */
  @Optional()
  @InstantField()
  asOf?: string;
}

export interface QualityView extends Quality {
  customerId: string;
  asOf: Instant;
  version: number;
  values: KnownValue[];
  suspects: string[];
  sources: Record<string, number>;
}

export class GetQuality extends Query<QualityView> {
  constructor(
    readonly customerId: string,
    readonly params: QualityParams,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const rounded = (figure: number, places: number): number => Math.round(figure * 10 ** places) / 10 ** places;

@QueryHandler(GetQuality)
export class GetQualityHandler implements IQueryHandler<GetQuality> {
  constructor(
    private readonly current: GetCustomerHandler,
    private readonly past: GetCustomerAsOfHandler,
    private readonly qualities: RecordQualities,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, and as `History` */
  async execute({ customerId, params, position }: GetQuality): Promise<QualityView> {
    const now = toInstant(this.clock.now());
    const asOf = params.asOf ?? now;
    const profile =
      asOf < now
        ? await this.past.find(customerId, { asOf }, position)
        : (await this.current.find(customerId, position)).profile;
    const yardstick = await this.qualities.yardstick(position);
    const qualityOf = await this.qualities.of([profile], asOf, yardstick, position);
    const { score, parts, bySource, missing, values, suspects } = qualityOf(profile);
    return {
      customerId,
      asOf,
      version: QUALITY_VERSION,
      score: rounded(score, 1),
      // The same parts, rounded.
      parts: Object.fromEntries(
        QUALITY_PARTS.map((part) => [part, parts[part] === null ? null : rounded(parts[part], 4)]),
      ) as Quality['parts'],
      missing,
      values,
      suspects,
      sources: Object.fromEntries([...bySource].map(([source, quality]) => [source, rounded(quality.score, 1)])),
    };
  }
}

const text: JsonSchema = { type: 'string' };
const instant: JsonSchema = { type: 'string', format: 'date-time' };
const id: JsonSchema = { type: 'string', format: 'uuid' };
const score: JsonSchema = { type: 'number', minimum: 0, maximum: 100 };
const part: JsonSchema = { type: ['number', 'null'], minimum: 0, maximum: 1 };

export const qualitySchema: Answer = (refs) =>
  refs.named('CustomerQuality', {
    type: 'object',
    properties: {
      customerId: id,
      asOf: instant,
      version: { type: 'integer', description: 'of the formula' },
      score,
      parts: {
        type: 'object',
        description: 'null where there is nothing to look at',
        properties: Object.fromEntries(QUALITY_PARTS.map((each) => [each, part])),
        required: [...QUALITY_PARTS],
        additionalProperties: false,
      },
      missing: { type: 'array', items: text, description: 'fields that are expected and not filled' },
      values: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            field: text,
            source: text,
            since: { ...instant, description: 'when it was said or verified last' },
            validity: { type: 'string', enum: ['verified', 'accepted', 'unchecked', 'refused'] },
            fresh: { type: 'boolean', description: 'of contact fields' },
          },
          required: ['field', 'source', 'since', 'validity'],
          additionalProperties: false,
        },
      },
      suspects: { type: 'array', items: id, description: 'other customers suspected of being this one' },
      sources: { type: 'object', additionalProperties: score, description: 'the score by who said what holds' },
    },
    required: ['customerId', 'asOf', 'version', 'score', 'parts', 'missing', 'values', 'suspects', 'sources'],
    additionalProperties: false,
  });
