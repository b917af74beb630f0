/**
 * Finds who may be the same as a record: asks the index of each pass for the nearest under the record's key, compares
 * those, ranks them. Bounded whatever the size of the file: at most `NEAREST` on either side in each pass.
 */
import { Injectable } from '@nestjs/common';
import type { Position } from '@timeline/kernel';
import {
  compareRecords,
  defaultModel,
  identityKeys,
  isNamesake,
  judge,
  personKeys,
  sortKeyOf,
  type Features,
  type Match,
} from '@timeline/matching';
import { ReadModels, type Documents, type Stored } from '@timeline/projecting';
import {
  duplicateCandidatesProjection,
  type CandidateDocument,
} from './projections/duplicate-candidates.projection.js';

/** Behind the key, in the order of names and birth dates. A key that more share is not selective; others find them. */
const NEAREST = 20;

export interface FoundDuplicate {
  customerId: string;
  match: Match;
  /** How many were found with the same whole name. */
  namesakes: number;
  /** Version of the model that judged. */
  model: string;
  /** The last change of what was compared. */
  changed: Position;
}

/** A customer's document, as opposed to that of an identity. */
type Customer = CandidateDocument & Required<Pick<CandidateDocument, 'features' | 'changed'>>;
export const isCustomer = <Doc extends CandidateDocument>(doc: Doc): doc is Doc & Customer =>
  doc.features !== undefined && doc.changed !== undefined;

/** As the two records are. */
export const judgePair = (a: Features, b: Features, namesakes: number): Match =>
  judge(defaultModel(a.kind), compareRecords(a, b), namesakes);

/** That the two records are of one, as they are; a company is no person. */
export const probabilityOf = (a: Features, b: Features, namesakes: number): number =>
  a.kind === b.kind ? judgePair(a, b, namesakes).probability : 0;

@Injectable()
export class DuplicateSearch {
  constructor(private readonly models: ReadModels) {}

  /** The likeliest first, ties by id; those that the model gives at least `from`. */
  find(
    features: Features,
    { from, limit, except = [] }: { from: number; limit: number; except?: readonly string[] },
    position?: string,
  ): Promise<FoundDuplicate[]> {
    return this.models.read(duplicateCandidatesProjection, position, async ({ documents }) => {
      const model = defaultModel(features.kind);
      const compared = [...(await near(documents, features)).values()]
        .filter((other) => !except.includes(other.customerId) && other.features.kind === features.kind)
        .map((other) => ({ ...other, comparison: compareRecords(features, other.features) }));
      const namesakes = Math.max(1, compared.filter(({ comparison }) => isNamesake(comparison)).length);
      return compared
        .map(({ customerId, changed, comparison }) => ({
          customerId,
          match: judge(model, comparison, namesakes),
          namesakes,
          model: model.version,
          changed,
        }))
        .filter(({ match }) => match.probability >= from)
        .sort((a, b) => b.match.score - a.match.score || (a.customerId < b.customerId ? -1 : 1))
        .slice(0, limit);
    });
  }

  /** Customers by id, with how far each has changed; without those who are erased or not there yet. */
  customers(ids: readonly string[], position?: string): Promise<Map<string, Customer>> {
    return this.models.read(duplicateCandidatesProjection, position, async ({ documents }) => {
      const found = await documents.find({ _id: { $in: [...ids] } });
      return new Map(found.filter(isCustomer).map((customer) => [customer.customerId, customer]));
    });
  }
}

async function near(
  documents: Documents<Stored & CandidateDocument>,
  features: Features,
): Promise<Map<string, Customer>> {
  const found = new Map<string, Customer>();
  const order = sortKeyOf(features);
  const unread = new Set<string>();
  const look = async (pass: string, key: string, condition: object, sort: 1 | -1): Promise<void> => {
    const filter = { [`keys.${pass}`]: key, ...condition };
    for (const doc of await documents.find(filter, { sort: { order: sort }, limit: NEAREST }))
      if (isCustomer(doc)) found.set(doc.customerId, doc);
      else unread.add(doc.customerId);
  };
  for (const [pass, key] of Object.entries(personKeys(features))) {
    await look(pass, key, { order: { $gte: order } }, 1);
    await look(pass, key, { order: { $lt: order } }, -1);
  }
  for (const keys of identityKeys(features))
    for (const [pass, key] of Object.entries(keys)) await look(pass, key, {}, 1);
  const missing = [...unread].filter((customerId) => !found.has(customerId));
  if (missing.length > 0)
    for (const doc of await documents.find({ _id: { $in: missing } }))
      if (isCustomer(doc)) found.set(doc.customerId, doc);
  return found;
}
