/** Customers by the beginnings of their names' words, an identity, stage, region, kind and traits; sorted by name, then id. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory, type IdentityRef } from '@timeline/deciding';
import {
  Cursors,
  documents,
  isTwoTexts,
  OneOf,
  Optional,
  PageQuery,
  Text,
  validateQuery,
  ValidationError,
  violation,
  type Page,
  type Violation,
} from '@timeline/http';
import { errorCode } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { afterKeyset, type Filter, type Sort } from '@timeline/read-store';
import type { FastifyRequest } from 'fastify';
import { TRAIT_NAME } from '../commands/customer-fields.js';
import { LIFECYCLE_STAGES, type CustomerKind, type LifecycleStage } from '../customers.events.js';
import { profileProjection } from '../projections/profile.projection.js';
import { traitText } from '../projections/profile-document.js';
import { queryWords } from '../projections/search-text.js';
import { customerSummary, type CustomerSummary } from './customer-view.js';

export class ListCustomersParams extends PageQuery {
  /** Words that words of the name begin with, in any order. */
  @Optional()
  @Text({ max: 200 })
  q?: string;

  /** `kind:value`, e.g. `email:ann@example.org`; `external:system:value`. */
  @Optional()
  @Text({ max: 400, pattern: /^[a-z]+:./, meaning: 'kind:value, such as email:ann@example.org or external:crm:4711' })
  identity?: string;

  @Optional()
  @OneOf(LIFECYCLE_STAGES)
  stage?: LifecycleStage;

  @Optional()
  @Text({ max: 60 })
  region?: string;

  @Optional()
  @OneOf(['person', 'company'])
  kind?: CustomerKind;
}

export interface CustomersWanted {
  params: ListCustomersParams;
  /** From `trait.name=value`. */
  traits: readonly { name: string; value: string }[];
}

const TRAIT_PREFIX = 'trait.';
const MAX_TRAITS = 10;

/** @throws ValidationError */
export function readCustomersWanted(query: Readonly<Record<string, unknown>>): CustomersWanted {
  const isTrait = ([name]: [string, unknown]): boolean => name.startsWith(TRAIT_PREFIX);
  const given = Object.entries(query);
  const traits: CustomersWanted['traits'][number][] = [];
  const wrong: Violation[] = [];
  for (const [parameter, value] of given.filter(isTrait)) {
    const name = parameter.slice(TRAIT_PREFIX.length);
    const refuse = (code: string, message: string) =>
      wrong.push({ ...violation(`/${parameter}`, code, message), in: 'query' });
    if (!TRAIT_NAME.test(name)) refuse('UNKNOWN_PARAMETER', 'does not name a trait');
    else if (typeof value !== 'string') refuse('REPEATED_PARAMETER', 'is given more than once');
    else if ([...value].length > 200) refuse('NOT_TEXT', 'must have at most 200 characters');
    else if (traits.length === MAX_TRAITS)
      refuse('WRONG_NUMBER_OF_ITEMS', `is one trait too many; at most ${MAX_TRAITS}`);
    else traits.push({ name, value });
  }
  if (wrong.length > 0) throw new ValidationError(wrong);
  const params = validateQuery(ListCustomersParams, Object.fromEntries(given.filter((entry) => !isTrait(entry))));
  return { params, traits };
}

/** The query parameters of the list; beside those of `ListCustomersParams` there is one for every trait. */
export const WantedCustomers = (): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) =>
      readCustomersWanted({ ...(context.switchToHttp().getRequest<FastifyRequest>().query as object) }),
    )(),
    { query: ListCustomersParams, refuses: ['VALIDATION_FAILED'] },
  );

export class ListCustomers extends Query<Page<CustomerSummary>> {
  constructor(
    readonly wanted: CustomersWanted,
    readonly position: string | undefined,
  ) {
    super();
  }
}

const SORT: Sort = { 'search.name': 1, _id: 1 };

/** Where a page ended. */
type Place = [name: string, customerId: string];

@QueryHandler(ListCustomers)
export class ListCustomersHandler implements IQueryHandler<ListCustomers> {
  constructor(
    private readonly directory: CustomerDirectory,
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
  ) {}

  /** @throws DomainError CURSOR_MALFORMED, IDENTITY_REFUSED, VALIDATION_FAILED */
  async execute({ wanted, position }: ListCustomers): Promise<Page<CustomerSummary>> {
    const { limit, cursor, identity, q } = wanted.params;
    // Nothing but punctuation: no name begins with that.
    if (q !== undefined && queryWords(q).length === 0) return { items: [] };
    const owner = identity === undefined ? undefined : await this.#owner(identityRef(identity));
    const list = this.cursors.of('customers', { ...wanted.params, traits: wanted.traits });
    const place = list.read(cursor, isTwoTexts);
    const conditions = [...matching(wanted), ...(place ? [after(place)] : [])];
    return this.models.read(profileProjection, position, async ({ derived }) => {
      if (identity !== undefined) {
        // Lists show survivors, whoever of the group has the identity.
        const profile = owner === undefined ? undefined : await derived.get(owner);
        if (!profile) return { items: [] };
        conditions.push({ _id: profile.survivor });
      }
      const found = await derived.find({ $and: conditions }, { sort: SORT, limit: limit + 1 });
      const page = list.page(found, limit, ({ search, customerId }): Place => [search.name, customerId]);
      return { ...page, items: page.items.map(customerSummary) };
    });
  }

  async #owner(identity: IdentityRef): Promise<string | undefined> {
    try {
      return (await this.directory.resolve({ identity })).customerId;
    } catch (error) {
      // Nobody's, or that of someone erased: nothing to list.
      if (['CUSTOMER_NOT_FOUND', 'CUSTOMER_ERASED'].includes(errorCode(error))) return undefined;
      throw error;
    }
  }
}

function identityRef(text: string): IdentityRef {
  const [kind = '', ...rest] = text.split(':');
  if (kind !== 'external') return { kind, value: rest.join(':') };
  const [system = '', ...value] = rest;
  return { kind, system, value: value.join(':') };
}

function matching({ params: { q, stage, region, kind }, traits }: CustomersWanted): Filter[] {
  return [
    { isSurvivor: true },
    ...(stage === undefined ? [] : [{ stage }]),
    ...(region === undefined ? [] : [{ region }]),
    ...(kind === undefined ? [] : [{ kind }]),
    ...(q === undefined ? [] : queryWords(q)).map((word): Filter => ({ 'search.words': { $prefix: word } })),
    ...traits.map(({ name, value }): Filter => ({ 'search.traits': traitText(name, value) })),
  ];
}

const after = ([name, customerId]: Place): Filter => afterKeyset(SORT, { 'search.name': name, _id: customerId });
