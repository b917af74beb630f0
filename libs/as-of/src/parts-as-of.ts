/** A read model's parts of a customer as of a moment, by the read model's own fold, so that they equal a replay. */
import { PureFold, type Projection } from '@timeline/projecting';
import type { AsOf, History } from './history.port.js';

/**
 * One of each source customer whose history is this customer's, without those of whom nothing was known. What is folded
 * is the document of the customer's id. @throws as `History`
 */
export async function partsAsOf<Part extends object>(
  history: History,
  // Only the type of the document matters here; any event type will do.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  projection: Projection<Part, any, any>,
  customerId: string,
  asked: AsOf,
  position: string | undefined,
): Promise<{ key: string; part: Part }[]> {
  const moment = await history.momentOf(asked);
  const parts: { key: string; part: Part }[] = [];
  for (const member of await history.membersAsOf(customerId, moment, position)) {
    const start = (): PureFold => new PureFold(projection, new Set(), (key) => key === member);
    const fold = await history.fold(member, moment, position, start, (state, event) => state.apply(event));
    // Made by this projection only.
    const part = fold.documents.get(member)?.content as Part | undefined;
    if (part) parts.push({ key: member, part });
  }
  return parts;
}
