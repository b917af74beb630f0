/** The people of a company, by id; of merged companies those of all. Records of one person who is merged are told apart. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CustomerDirectory, CustomerGroups } from '@timeline/deciding';
import { Cursors, Flag, Id, isTwoTexts, OneOf, Optional, PageQuery, PlainDate, Text, type Page } from '@timeline/http';
import { contentOf, ReadModels } from '@timeline/projecting';
import { afterKeyset, type Filter } from '@timeline/read-store';
import { companyPeople, type PersonOfCompany } from './company-people.projection.js';

const WHICH = ['current', 'left', 'all'] as const;

export class ListPeopleQuery extends PageQuery {
  @Optional()
  @OneOf(WHICH)
  which: (typeof WHICH)[number] = 'current';
}

export class PersonOfCompanyView implements PersonOfCompany {
  @Id()
  personId: string;
  @Id()
  companyId: string;
  @Optional()
  @Text()
  role?: string;
  @Optional()
  @PlainDate()
  from?: string;
  /** True where the person does not belong to it any more. */
  @Optional()
  @Flag()
  left?: true;
  @Optional()
  @PlainDate()
  to?: string;
}

export class ListPeople extends Query<Page<PersonOfCompanyView>> {
  constructor(
    readonly companyId: string,
    readonly query: ListPeopleQuery,
    readonly position: string | undefined,
  ) {
    super();
  }
}

type Place = [personId: string, companyId: string];

const IN_ORDER = { personId: 1, companyId: 1 } as const;

@QueryHandler(ListPeople)
export class ListPeopleHandler implements IQueryHandler<ListPeople> {
  constructor(
    private readonly models: ReadModels,
    private readonly cursors: Cursors,
    private readonly directory: CustomerDirectory,
    private readonly groups: CustomerGroups,
  ) {}

  /** Empty for a person. @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED, CURSOR_MALFORMED */
  async execute({ companyId, query, position }: ListPeople): Promise<Page<PersonOfCompanyView>> {
    await this.directory.resolve({ customerId: companyId });
    const { which, limit } = query;
    const list = this.cursors.of('company-people', { ...query, companyId });
    const place = list.read(query.cursor, isTwoTexts);
    const filter: Filter = {
      ...(which !== 'all' && { left: { $exists: which === 'left' } }),
      ...(place && { $and: [afterKeyset(IN_ORDER, { personId: place[0], companyId: place[1] })] }),
    };
    const members = await this.groups.membersOf(companyId, position);
    return this.models.read(companyPeople, position, async ({ documents }) => {
      const pages = await Promise.all(
        members.map((member) =>
          documents.find({ companyId: member, ...filter }, { sort: { companyId: 1, personId: 1 }, limit: limit + 1 }),
        ),
      );
      const people = pages.flat().sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      const page = list.page(people, limit, (last): Place => [last.personId, last.companyId]);
      return { ...page, items: page.items.map(contentOf) };
    });
  }
}

const keyOf = ({ personId, companyId }: PersonOfCompany): string => `${personId}/${companyId}`;
