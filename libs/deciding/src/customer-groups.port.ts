/**
 * Who is merged with whom, for queries that show a group as one and for an erasure, which takes the whole group. Unlike
 * the directory it is a read model's answer: what commands decide never hangs on it. The merging slice implements it;
 * where that is not among the slices, nobody is merged.
 */
import type { Position } from '@timeline/kernel';

export class CustomerGroups {
  /**
   * The source customers of the customer's group, the one asked for first. `position`: text of a `Timeline-Position`.
   * @throws DomainError POSITION_NOT_REACHED, POSITION_OF_ANOTHER_LOG, POSITION_MALFORMED, READ_MODEL_NOT_READY
   */
  async membersOf(customerId: string, position: string | undefined): Promise<string[]> {
    return (await this.membersOfAll([customerId], position)).get(customerId) ?? [customerId];
  }

  /** The same of several customers at once, by customer. @throws as above */
  membersOfAll(customerIds: readonly string[], _position: string | undefined): Promise<ReadonlyMap<string, string[]>> {
    return Promise.resolve(new Map(customerIds.map((id) => [id, [id]])));
  }

  /**
   * Whom the erasure of the customer at `position` takes beside the customer: always the same, whenever it is asked.
   * @throws DomainError POSITION_NOT_REACHED while the read model has not come that far
   */
  erasedWith(_customerId: string, _position: Position): Promise<string[]> {
    return Promise.resolve([]);
  }
}
