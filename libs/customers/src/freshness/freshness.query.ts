/** The freshness policies, and the customers whose values are in review. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import {
  Cursors,
  isTwoTexts,
  OneOf,
  Optional,
  PageQuery,
  type Answer,
  type JsonSchema,
  type Page,
} from '@timeline/http';
import type { Instant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { afterKeyset, type Filter } from '@timeline/read-store';
import { SEGMENT_IDS } from '../../../segments/src/segments.events.js';
import { REVIEWED_FIELDS, type ReviewedField } from '../freshness.events.js';
import { REVIEW_STATES, type Review } from './freshness-part.js';
import { freshnessPoliciesProjection, type PolicyDocument } from './freshness-policies.projection.js';
import { freshnessProjection } from './freshness.projection.js';

export class ReviewsParams extends PageQuery {
  /** Customers whose furthest review is this far. */
  @Optional()
  @OneOf(REVIEW_STATES)
  state?: Review['state'];
}

export interface CustomerReviews {
  customerId: string;
  survivor: string;
  state: Review['state'];
  /** The first that fell due is first. */
  reviews: (Review & { field: ReviewedField })[];
}

export class ListFreshnessPolicies extends Query<PolicyDocument[]> {
  constructor(readonly position: string | undefined) {
    super();
  }
}

export class ListReviews extends Query<Page<CustomerReviews>> {
  constructor(
    readonly params: ReviewsParams,
    readonly position: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(ListFreshnessPolicies)
export class ListFreshnessPoliciesHandler implements IQueryHandler<ListFreshnessPolicies> {
  constructor(private readonly models: ReadModels) {}

  execute({ position }: ListFreshnessPolicies): Promise<PolicyDocument[]> {
    return this.models.read(freshnessPoliciesProjection, position, async ({ documents }) =>
      (await documents.find({}, { sort: { _id: 1 } })).map(contentOf),
    );
  }
}

const SORT = { oldest: 1, _id: 1 } as const;
type Place = [oldest: Instant, customerId: string];

@QueryHandler(ListReviews)
export class ListReviewsHandler implements IQueryHandler<ListReviews> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED */
  execute({ params: { state, limit, cursor }, position }: ListReviews): Promise<Page<CustomerReviews>> {
    const list = this.cursors.of('field-reviews', { state: state ?? null });
    const place = list.read(cursor, isTwoTexts);
    const conditions: Filter[] = [
      { oldest: { $exists: true } },
      ...(state === undefined ? [] : [{ state }]),
      ...(place ? [afterKeyset(SORT, { oldest: place[0], _id: place[1] })] : []),
    ];
    return this.models.read(freshnessProjection, position, async ({ derived }) => {
      const found = await derived.find({ $and: conditions }, { sort: SORT, limit: limit + 1 });
      const page = list.page(found, limit, ({ oldest = '', _id }): Place => [oldest, _id]);
      const items = page.items.map(({ subject, survivor, state: furthest = 'reminder', open }) => ({
        customerId: subject,
        survivor,
        state: furthest,
        reviews: REVIEWED_FIELDS.flatMap((field) => (open[field] ? [{ field, ...open[field] }] : [])).sort((a, b) =>
          a.dueAt < b.dueAt ? -1 : a.dueAt > b.dueAt ? 1 : 0,
        ),
      }));
      return { ...page, items };
    });
  }
}

const id: JsonSchema = { type: 'string', format: 'uuid' };
const instant: JsonSchema = { type: 'string', format: 'date-time' };
const days: JsonSchema = { type: 'integer', minimum: 1 };
const field: JsonSchema = { type: 'string', enum: [...REVIEWED_FIELDS] };
const state: JsonSchema = { type: 'string', enum: [...REVIEW_STATES] };

export const policySchema: Answer = (refs) =>
  refs.named('FreshnessPolicy', {
    type: 'object',
    properties: {
      field,
      everyDays: days,
      tiers: { type: 'object', additionalProperties: days },
      segments: { type: 'object', additionalProperties: days, propertyNames: { enum: [...SEGMENT_IDS] } },
      taskAfterDays: days,
      escalateAfterDays: days,
      setAt: instant,
      revision: { type: 'integer', minimum: 0, description: 'what If-Match asks for' },
    },
    required: ['field', 'tiers', 'taskAfterDays', 'escalateAfterDays', 'setAt', 'revision'],
    additionalProperties: false,
  });

export const reviewsSchema: Answer = (refs) =>
  refs.named('CustomerReviews', {
    type: 'object',
    properties: {
      customerId: id,
      survivor: { ...id, description: 'whom the group of merged customers goes by' },
      state: { ...state, description: 'of the review that is furthest' },
      reviews: {
        type: 'array',
        items: {
          type: 'object',
          properties: { field, state, since: instant, dueAt: instant, taskAt: instant, escalateAt: instant },
          required: ['field', 'state', 'since', 'dueAt', 'taskAt', 'escalateAt'],
          additionalProperties: false,
        },
      },
    },
    required: ['customerId', 'survivor', 'state', 'reviews'],
    additionalProperties: false,
  });
