/** Who belongs to a company: a document per person (`{company}/{person}`), the company's own, so that it may have any number. */
import { customerOwner, type Projection } from '@timeline/projecting';
import { membershipAfter, type CompanyEvent, type Membership } from './company-memberships.js';

export interface PersonOfCompany extends Membership {
  companyId: string;
  personId: string;
}

export const companyPeople: Projection<PersonOfCompany, CompanyEvent> = {
  name: 'company-people',
  version: 1,
  handles: ['CustomerJoinedCompany', 'CustomerLeftCompany'],
  indexes: [{ name: 'people', key: { companyId: 1, personId: 1 } }],
  keysBeginWithOwner: true,
  keys: ({ data: { companyId, personId } }) => [{ key: `${companyId}/${personId}`, owner: customerOwner(companyId) }],
  evolve(before, event) {
    const { companyId, personId } = event.data;
    const membership = membershipAfter(before, event);
    return membership && { companyId, personId, ...membership };
  },
};
